import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wrapPlace } from '../../../packages/server/src/domain/keys/places.ts'
import { flipBit } from '../../adversary/src/harness/edit.ts'
import { openOuterLayer } from '../../adversary/src/harness/outer.ts'
import { type Lie, type LyingProxy, startProxy } from '../../adversary/src/harness/proxy.ts'
import { flipText, OPEN, type OpenBody, onAnswer, onJson, STORE } from '../../adversary/src/liar/lies.ts'
import { openDatabase } from '../../dev-env/database.ts'
import { type StoredObjects, storedObjects } from '../../dev-env/stored-objects.ts'
import { loginDevice, PASSWORD } from '../../e2e/src/sdk/sdk.ts'
import { row, signUp, startWebWorld, type Tab, uploadFiles, type WebWorld } from './tab.ts'

const LOGIN = 'looker@example.org'
const SECRET = 'a canary that only its owner reads '
const FILES = [
  { name: 'first.txt', bytes: Buffer.from(SECRET.repeat(40)) },
  { name: 'second.txt', bytes: Buffer.from('another '.repeat(180)) },
  { name: 'in two parts.bin', bytes: Buffer.concat([Buffer.from(SECRET), randomBytes(9 * 1024 * 1024)]) },
  { name: 'nothing.txt', bytes: Buffer.alloc(0) },
] as const
const FIRST = 'first.txt'

let world: WebWorld
let proxy: LyingProxy
let tab: Tab
let pool: pg.Pool
let objects: StoredObjects

const sqlId = (hex: string): Buffer => Buffer.from(hex, 'hex')

beforeAll(async () => {
  world = await startWebWorld()
  proxy = await startProxy(world.server.url)
  pool = openDatabase(world.server)
  objects = storedObjects(world.server)
  tab = await world.openProfile()
  await tab.page.goto(proxy.url)
  await signUp(tab, LOGIN, PASSWORD)
  await uploadFiles(tab, FILES)
})
afterAll(async () => {
  await pool?.end()
  await proxy?.[Symbol.asyncDispose]()
  await world?.[Symbol.asyncDispose]()
})

async function open(name: string) {
  await row(tab, name).getByRole('button', { name: 'More actions' }).click()
  await tab.page.getByRole('menuitem', { name: 'What the server sees' }).click()
  return tab.page.getByRole('dialog', { name: 'What the server sees' })
}

interface Shown {
  readonly facts: Readonly<Record<string, string>>
  readonly own: Buffer
  readonly server: Buffer
  readonly text: string
}

/** What the view shows of a file once both sides have arrived. */
async function look(name: string): Promise<Shown> {
  const dialog = await open(name)
  await dialog.locator('.server-record').waitFor()
  const shown = await read(dialog)
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
  return shown
}

async function read(dialog: Awaited<ReturnType<typeof open>>): Promise<Shown> {
  const lines = dialog.locator('.server-record > div')
  const names = await lines.locator('dt').allTextContents()
  const values = await lines.locator('dd').allTextContents()
  const server = dialog.getByRole('region', { name: 'The server' })
  const bytesOf = async (side: typeof server): Promise<Buffer> => {
    const dump = side.locator('code')
    if ((await dump.count()) === 0) return Buffer.alloc(0)
    const text = (await dump.textContent()) ?? ''
    return Buffer.from(
      text
        .split('\n')
        .map((line) => line.slice(0, 23).replaceAll(' ', ''))
        .join(''),
      'hex',
    )
  }
  return {
    facts: Object.fromEntries(names.map((line, index) => [line, values[index] ?? ''])),
    own: await bytesOf(dialog.getByRole('region', { name: 'You' })),
    server: await bytesOf(server),
    text: (await server.textContent()) ?? '',
  }
}

interface StoredRow {
  readonly length: string
  readonly digests: Buffer
  readonly vault_id: Buffer
  readonly epoch: number
  readonly sealed: Buffer
  readonly owner_id: Buffer
}

/** The rows of an object as any SQL client sees them. @param blobId - hex */
async function rowsOf(blobId: string): Promise<StoredRow[]> {
  const found = await pool.query<StoredRow>(
    `SELECT b.length, b.digests, w.vault_id, w.epoch::int, w.sealed, b.owner_id
     FROM blobs b JOIN wraps w ON w.blob_id = b.id WHERE encode(b.id, 'hex') = $1`,
    [blobId],
  )
  return found.rows
}

/** What the server keeps around what clients seal, taken off and put on as it does itself. */
const outerLayer = () => openOuterLayer({ dataFolder: world.server.dataDir, database: pool })
const placeOf = ({ owner_id, vault_id, epoch }: StoredRow, blobId: string) =>
  wrapPlace(owner_id, vault_id, epoch, sqlId(blobId))

function fact({ facts }: Shown, name: RegExp): string {
  const found = Object.entries(facts).find(([line]) => name.test(line))
  if (found === undefined) throw new Error(`the view has no line ${name}: ${Object.keys(facts).join(', ')}`)
  return found[1]
}

const blobOf = (shown: Shown): string => fact(shown, /^Number of the object/)

describe('what the server sees of a file', () => {
  it.each(FILES)('is what its database and its store hold: $name', async ({ name, bytes }) => {
    const shown = await look(name)
    expect(shown.own.equals(bytes.subarray(0, 256))).toBe(true)
    const [stored, ...others] = await rowsOf(blobOf(shown))
    if (stored === undefined) throw new Error('the database has no such object')
    expect(others).toEqual([])
    expect(fact(shown, /^Number of the vault/)).toBe(stored.vault_id.toString('hex'))
    expect(fact(shown, /^Key/)).not.toBe('')
    expect(Object.keys(shown.facts).join()).toContain(`under vault key ${stored.epoch}`)
    expect(shown.text).toContain(`${Number(stored.length).toLocaleString('en-US')} bytes, rounded up`)
    // The outer layer is the server's own; below it lies what the view shows.
    const key = await (await outerLayer()).open(placeOf(stored, blobOf(shown)), stored.sealed)
    expect(Buffer.from(key).toString('hex')).toBe(fact(shown, /^Key/))
    const parts = stored.digests.length / 32
    if (parts === 0) {
      expect(shown.server.length).toBe(0)
      return
    }
    expect(fact(shown, parts === 1 ? /^Checksum of the object/ : new RegExp(`^First of ${parts} checksums`))).toBe(
      stored.digests.subarray(0, 32).toString('hex'),
    )
    const object = await objects.read(blobOf(shown))
    expect(object.length).toBe(Number(stored.length))
    expect(shown.server.equals(object.subarray(0, 256))).toBe(true)
    const first = createHash('sha256')
      .update(object.subarray(0, 8 * 1024 * 1024))
      .digest('hex')
    expect(first).toBe(stored.digests.subarray(0, 32).toString('hex'))
    expect(object.includes(SECRET)).toBe(false)
  })

  it('shows no name and no content of it on the server’s side', async () => {
    const { text, server } = await look(FIRST)
    expect(text).not.toContain('first')
    expect(server.includes(SECRET.slice(0, 8))).toBe(false)
  })

  it('is asked for each time, both sides of it', async () => {
    const dialog = await open(FIRST)
    await dialog.locator('.server-record').waitFor()
    proxy.forget()
    await dialog.getByRole('button', { name: 'Ask again' }).click()
    await dialog.locator('.server-record').waitFor()
    const asked = proxy.exchanges.map(({ request }) => `${request.method} ${request.path.split('?')[0]}`)
    expect(asked.filter((line) => line === 'POST /v1/blobs/open').length).toBe(2)
    expect(asked.filter((line) => /^GET \/v1\/store\//.test(line)).length).toBe(2)
    await dialog.getByRole('button', { name: 'Close' }).click()
    await dialog.waitFor({ state: 'detached' })
  })
})

/** Changes what the server stores; gives what takes that back. */
type Tampering = (blobId: string, otherId: string) => Promise<() => Promise<unknown>>

/** Changes a column of an object's row. */
async function editRow(blobId: string, column: 'digests' | 'length', change: (value: never) => unknown) {
  const { rows } = await pool.query<{ value: never }>(`SELECT ${column} AS value FROM blobs WHERE id = $1`, [
    sqlId(blobId),
  ])
  const [before] = rows
  if (before === undefined) throw new Error('the database has no such object')
  const write = (value: unknown) => pool.query(`UPDATE blobs SET ${column} = $2 WHERE id = $1`, [sqlId(blobId), value])
  await write(change(before.value))
  return () => write(before.value)
}

/** Changes the wrapped key of an object. */
async function editKey(blobId: string, change: (row: StoredRow) => Promise<Uint8Array>) {
  const [before] = await rowsOf(blobId)
  if (before === undefined) throw new Error('the database has no such object')
  const write = (sealed: Uint8Array) =>
    pool.query('UPDATE wraps SET sealed = $2 WHERE blob_id = $1', [sqlId(blobId), sealed])
  await write(await change(before))
  return () => write(before.sealed)
}

/** Seals the key of another object as that of this one, as only a server can. */
async function giveKeyOf(blobId: string, otherId: string) {
  const outer = await outerLayer()
  const [other] = await rowsOf(otherId)
  if (other === undefined) throw new Error('the database has no such object')
  const key = await outer.open(placeOf(other, otherId), other.sealed)
  return editKey(blobId, (own) => outer.seal(placeOf(own, blobId), key))
}

const TAMPERING: Readonly<Record<string, Tampering>> = {
  'a bit of what is shown': (id) => objects.change(id, (bytes) => flipBit(bytes, 40)),
  'a bit far behind what is shown': (id) => objects.change(id, (bytes) => flipBit(bytes, -40)),
  'a byte cut off': (id) => objects.change(id, (bytes) => bytes.subarray(0, -1)),
  'nothing of the object left': (id) => objects.change(id, () => null),
  'the object of another file': async (id, other) => {
    const bytes = await objects.read(other)
    return objects.change(id, () => bytes)
  },
  'digests that fit forged bytes': async (id) => {
    const forged = flipBit(await objects.read(id), 40)
    const undoRow = await editRow(id, 'digests', () => createHash('sha256').update(forged).digest())
    const undoObject = await objects.change(id, () => forged)
    return async () => await Promise.all([undoRow(), undoObject()])
  },
  'a changed digest': (id) => editRow(id, 'digests', (value: Buffer) => flipBit(value, 3)),
  'a changed length': (id) => editRow(id, 'length', (value: string) => Number(value) + 1),
  'the key of another file': giveKeyOf,
  'a key that it cannot open itself': (id) => editKey(id, async ({ sealed }) => flipBit(sealed, 20)),
}

const forged = (): Lie => onAnswer('GET', STORE, (answer) => ({ ...answer, body: flipBit(answer.body, 40) }))

const opened = (change: (blob: OpenBody['blobs'][number]) => void): Lie =>
  onJson<OpenBody>('POST', OPEN, (body) => body.blobs.forEach(change))

const LIES: Readonly<Record<string, () => Lie>> = {
  'forged bytes': forged,
  'a flipped key': () =>
    opened((blob) => {
      for (const wrap of blob.wraps) wrap.bytes = flipText(wrap.bytes, 30)
    }),
  'no key at all': () => opened((blob) => blob.wraps.splice(0)),
}

describe('what a tampering server is seen of', () => {
  let [id, otherId] = ['', '']
  beforeAll(async () => {
    id = blobOf(await look(FIRST))
    otherId = blobOf(await look('second.txt'))
  })

  /** Opens the view, which must stop the app, and goes on once the tampering has ended. */
  async function expectStop(takeBack: () => Promise<unknown>): Promise<void> {
    const { page } = tab
    try {
      await open(FIRST)
      await page.getByRole('alert').getByRole('heading', { name: 'Stop: something does not verify' }).waitFor()
      expect(await page.locator('dialog, .server-view, .server-record').count()).toBe(0)
      expect(await page.getByRole('grid').count()).toBe(0)
    } finally {
      await takeBack()
    }
    await page.getByRole('button', { name: 'Check again' }).click()
    await row(tab, FIRST).waitFor()
  }

  it.each(Object.keys(TAMPERING))('is a stop over the whole page: the server stores %s', async (name) => {
    const tamper = TAMPERING[name] as Tampering
    await expectStop(await tamper(id, otherId))
  })

  it.each(Object.keys(LIES))('is a stop over the whole page: the server answers %s', async (name) => {
    proxy.tell((LIES[name] as () => Lie)())
    await expectStop(async () => proxy.tell(null))
  })

  it('is an error of its own: stored bytes are compared although nothing opens them', async () => {
    await using device = await loginDevice(proxy.url, LOGIN)
    const view = () => device.session.drive.serverView(`/${FIRST}`)
    expect((await view()).blobId).toBe(id)
    proxy.tell(forged())
    try {
      await expect(view()).rejects.toMatchObject({ code: 'integrity' })
    } finally {
      proxy.tell(null)
    }
  })

  it('leaves nothing behind: afterwards all is shown as before', async () => {
    const shown = await look(FIRST)
    expect(blobOf(shown)).toBe(id)
    const own = `${world.server.url}|${proxy.url}`
    const expected = new RegExp(`asked another origin: (${own})/|Failed to load resource`)
    expect(tab.complaints.filter((text) => !expected.test(text))).toEqual([])
  })
})
