import { randomBytes } from 'node:crypto'
import type { Attachment, Entry, SlotContent } from '@strongroom/client'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../../dev-env/database.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { storedObjects } from '../../../dev-env/stored-objects.ts'
import { operator } from '../admin/operator.ts'
import { bytesSource, freshLogin, loginDevice, registerDevice, type SdkDevice } from './sdk.ts'

const SLOT = 'thumbnail'
const MOST = 64 * 1024 * 1024
const login = freshLogin()
let server: DevServer
let pool: pg.Pool
let device: SdkDevice
let other: SdkDevice

beforeAll(async () => {
  server = await startDevServer()
  pool = openDatabase(server)
  device = await registerDevice(server.url, login)
  other = await loginDevice(server.url, login)
})
afterAll(async () => {
  await other?.[Symbol.asyncDispose]()
  await device?.[Symbol.asyncDispose]()
  await pool?.end()
  await server?.stop()
})

const text = (words: string): Uint8Array => new TextEncoder().encode(words)

/** A new file, under a name that no attempt before has used. */
async function newFile(content = 'a picture'): Promise<Entry> {
  const path = `/${randomBytes(6).toString('hex')}.jpg`
  await device.session.drive.put(bytesSource(text(content)), path)
  return await device.session.drive.stat(path)
}

function attachment({ nodeId, versionId = '' }: Entry, bytes: Uint8Array): Attachment {
  return { nodeId, versionId, bytes }
}

/** What other devices read in the slot, by node. */
async function readOf({ session: { drive } }: SdkDevice, ...entries: readonly Entry[]): Promise<(string | null)[]> {
  await drive.sync()
  const found = new Map<string, SlotContent>()
  const ids = entries.map(({ nodeId }) => nodeId)
  for await (const content of drive.readSlots(SLOT, ids, { most: MOST })) found.set(content.nodeId, content)
  return ids.map((id) => {
    const bytes = found.get(id)?.bytes
    return bytes === undefined ? null : new TextDecoder().decode(bytes)
  })
}

async function liveBlobs(): Promise<string[]> {
  const { rows } = await pool.query<{ id: Buffer }>(`SELECT id FROM blobs WHERE state = 'live'`)
  return rows.map(({ id }) => id.toString('hex'))
}

/** Runs a change and returns the blobs that have become live. */
async function blobsOf(change: () => Promise<unknown>): Promise<string[]> {
  const before = new Set(await liveBlobs())
  await change()
  return (await liveBlobs()).filter((id) => !before.has(id))
}

describe('a content in a slot', () => {
  it('is read by other devices, in whatever size, and changes nothing else of its file', async () => {
    const { drive } = device.session
    const files = await Promise.all([newFile(), newFile(), newFile()])
    const seq = (await device.session.state()).seq
    // In the request of its reservation, of one part, of two parts, and empty.
    const contents = ['small', 'm'.repeat(300_000), 'l'.repeat(9_000_000)]
    const given = files.map((file, index) => attachment(file, text(contents[index] ?? '')))
    expect(await drive.attach(SLOT, given)).toEqual(['attached', 'attached', 'attached'])
    expect((await device.session.state()).seq - seq).toBe(3)
    const read = await readOf(other, ...files)
    expect(read.map((each) => each?.length)).toEqual(contents.map(({ length }) => length))
    expect(read[0]).toBe('small')
    for (const file of files) {
      expect(await other.session.drive.stat(file.path)).toEqual(file)
      const slots = other.session.drive.slots(file.nodeId)
      expect([slots?.versionId, [...(slots?.sizes.keys() ?? [])]]).toEqual([file.versionId, [SLOT]])
    }
  })

  it('of many files takes one commit', async () => {
    const files = await Promise.all(Array.from({ length: 12 }, () => newFile()))
    const seq = (await device.session.state()).seq
    const outcomes = await device.session.drive.attach(
      SLOT,
      files.map((file, index) => attachment(file, text(`number ${index}`))),
    )
    expect(new Set(outcomes)).toEqual(new Set(['attached']))
    expect((await device.session.state()).seq - seq).toBe(1)
    expect(await readOf(other, ...files)).toEqual(files.map((_, index) => `number ${index}`))
  })

  it('is there once, whichever device was first, and a second one uploads nothing', async () => {
    const file = await newFile()
    const first = attachment(file, text('first'))
    expect(await device.session.drive.attach(SLOT, [first, first])).toEqual(['attached', 'taken'])
    const stored = async () => (await pool.query<{ n: string }>('SELECT count(*) AS n FROM blobs')).rows[0]?.n
    const before = await stored()
    expect(await other.session.drive.attach(SLOT, [attachment(file, text('second'))])).toEqual(['taken'])
    expect(await stored()).toBe(before)
    expect(await readOf(other, file)).toEqual(['first'])
  })

  it('by two devices at once is there once, and the loser keeps nothing alive', async () => {
    const files = await Promise.all(Array.from({ length: 8 }, () => newFile()))
    await other.session.drive.sync()
    let outcomes: string[][] = []
    const live = await blobsOf(async () => {
      outcomes = await Promise.all(
        [device, other].map(({ session }, index) =>
          session.drive.attach(
            SLOT,
            files.map((file) => attachment(file, text(`device ${index}`))),
          ),
        ),
      )
    })
    expect(live.length).toBe(files.length)
    const read = await readOf(device, ...files)
    expect(await readOf(other, ...files)).toEqual(read)
    for (const [index, winner] of read.entries()) {
      const both = [outcomes[0]?.[index], outcomes[1]?.[index]]
      expect(both).toEqual(winner === 'device 0' ? ['attached', 'taken'] : ['taken', 'attached'])
    }
  })

  it('belongs to its version: a new one has none, the old one keeps its own', async () => {
    const { drive } = device.session
    const file = await newFile('one')
    await drive.put(bytesSource(text('another')), file.path)
    const newer = await drive.stat(file.path)
    expect(await drive.attach(SLOT, [attachment(file, text('of the old one'))])).toEqual(['attached'])
    expect(await readOf(other, file)).toEqual([null])
    expect(await drive.attach(SLOT, [attachment(newer, text('of the new one'))])).toEqual(['attached'])
    expect(await readOf(other, file)).toEqual(['of the new one'])
    await drive.restoreVersion(file.path, file.versionId ?? '')
    expect(await readOf(other, file)).toEqual(['of the old one'])
  })

  it('goes along with copies, moves, the trash and what comes out of it', async () => {
    const { drive } = device.session
    const file = await newFile()
    await drive.attach(SLOT, [attachment(file, text('along'))])
    let copy: Entry | null = null
    const added = await blobsOf(async () => {
      copy = await drive.copy(file.path, `${file.path}.copy`)
    })
    expect(added).toEqual([])
    const copied = copy as Entry | null
    if (copied === null) throw new Error('it was copied')
    await drive.move(file.path, `${file.path}.moved`)
    expect(await readOf(other, copied, file)).toEqual(['along', 'along'])
    await drive.trash(`${file.path}.moved`)
    expect(await readOf(other, file)).toEqual(['along'])
    await drive.restore(file.nodeId)
    expect(await readOf(other, file)).toEqual(['along'])
  })

  it('is destroyed with its file, and refused for what is gone', async () => {
    const { drive } = device.session
    const file = await newFile()
    const added = await blobsOf(() => drive.attach(SLOT, [attachment(file, text('to be gone'))]))
    expect(added.length).toBe(1)
    await drive.purge(file.path)
    const { rows } = await pool.query<{ state: string }>('SELECT state FROM blobs WHERE id = $1', [
      Buffer.from(added[0] ?? '', 'hex'),
    ])
    expect(rows.map(({ state }) => state)).toEqual(['condemned'])
    expect(await drive.attach(SLOT, [attachment(file, text('too late'))])).toEqual(['gone'])
    expect(await readOf(other, file)).toEqual([null])
  })

  it('has no other name than one of its own', async () => {
    const { drive } = device.session
    const file = await newFile()
    for (const slot of ['main', '', 'Thumb', 'a/b', 'x'.repeat(33)]) {
      await expect(drive.attach(slot, [attachment(file, text('x'))])).rejects.toMatchObject({ code: 'usage' })
    }
    const many = Array.from({ length: 1001 }, () => attachment(file, text('x')))
    await expect(drive.attach(SLOT, many)).rejects.toMatchObject({ code: 'usage' })
    const others = Array.from({ length: 15 }, (_, index) => `slot-${index}`)
    for (const slot of others) expect(await drive.attach(slot, [attachment(file, text(slot))])).toEqual(['attached'])
    expect(await drive.attach(SLOT, [attachment(file, text('one too many'))])).toEqual(['taken'])
  })

  it('is left out where it is larger than its reader takes', async () => {
    const { drive } = device.session
    const file = await newFile()
    await drive.attach(SLOT, [attachment(file, text('x'.repeat(100)))])
    const found: SlotContent[] = []
    for await (const each of drive.readSlots(SLOT, [file.nodeId], { most: 99 })) found.push(each)
    expect(found).toEqual([])
  })
})

describe('what knows of all contents', () => {
  it('counts it in the quota, verifies it, and gives it new keys', async () => {
    const { session } = device
    const file = await newFile()
    await session.drive.sync()
    const [used, verified] = [(await session.whoami()).usedBytes, (await session.verify()).contents]
    const [blob] = await blobsOf(() => session.drive.attach(SLOT, [attachment(file, text('everywhere'))]))
    expect((await session.whoami()).usedBytes).toBeGreaterThan(used)
    expect(await session.verify()).toMatchObject({ contents: verified + 1, findings: [] })
    const rotated = await session.keys.rotateContents({ olderThanMs: 0 })
    expect(rotated).toMatchObject({ failures: [], skipped: 0 })
    expect(await liveBlobs()).not.toContain(blob)
    expect(await readOf(other, file)).toEqual(['everywhere'])
    expect(await session.drive.attach(SLOT, [attachment(file, text('again'))])).toEqual(['taken'])
  })

  it('finds it in order where the operator compares database, store and keys', async () => {
    await device.session.drive.attach(SLOT, [attachment(await newFile(), text('counted'))])
    const { code, stderr } = await operator(server.settings).run(['verify', '--deep', '--keys'])
    expect(code, stderr).toBe(0)
  })

  it('stops at one that was changed in the store', async () => {
    const file = await newFile()
    const [blob = ''] = await blobsOf(() => device.session.drive.attach(SLOT, [attachment(file, text('as signed'))]))
    const mend = await storedObjects(server).change(blob, (bytes) => {
      bytes[20] = (bytes[20] ?? 0) ^ 1
      return bytes
    })
    await expect(readOf(other, file)).rejects.toMatchObject({ code: 'integrity' })
    const { findings } = await device.session.verify()
    const found = findings.filter(({ path }) => path === file.path)
    expect(found).toMatchObject([{ slot: SLOT, kind: 'damaged' }])
    await mend()
    expect(await readOf(other, file)).toEqual(['as signed'])
  })
})
