import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, runCli } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { operator } from '../admin/operator.ts'
import { expectFailure } from '../cli/device.ts'

let folder: string
let server: DevServer
let phone: CliDevice
let laptop: CliDevice

const LOGIN = 'backup@example.org'
const big = randomBytes(9 * 1024 * 1024)
const at = (name: string) => join(folder, name)
const own = () => operator({ STRONGROOM_DATA: server.dataDir })
/** Without a server: only where the restored data go. */
const into = (name: string) => operator({ STRONGROOM_DATA: at(name) })
const cat = async (device: CliDevice, path: string) => (await device.ok(['cat', path])).stdout

interface Summary {
  name: string
  rows: number
  blobs: number
  copied: number
  copiedBytes: number
  missing: string[]
  keyFile: boolean
  removed: number
}
const backUp = (name: string, ...flags: string[]) => own().json<Summary>('backup', at(name), ...flags)

async function allFiles(name: string): Promise<string[]> {
  const entries = await readdir(at(name), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

/** Serves the same address from another data folder. */
async function serveInstead(name: string): Promise<void> {
  const { port } = new URL(server.url)
  await server.stop()
  server = await startDevServer({ dataDir: at(name), port: Number(port) })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-backup-'))
  server = await startDevServer({ dataDir: at('data') })
  phone = await CliDevice.create(server.url)
  laptop = await CliDevice.create(server.url)
  await phone.register(LOGIN)
  await phone.ok(['put', '-q', '-', '/small'], { input: 'small' })
  await phone.ok(['put', '-q', '-', '/big'], { input: big })
  await laptop.login(LOGIN)
})
afterAll(async () => {
  for (const device of [phone, laptop]) await device[Symbol.asyncDispose]()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('admin backup', () => {
  let first: string

  it('copies everything beside a server at work, closed to others, and then only what is new', async () => {
    const one = await backUp('backups')
    first = one.name
    expect(one).toMatchObject({ blobs: 2, copied: 2, missing: [], keyFile: true, removed: 0 })
    for (const file of await allFiles('backups')) expect((await stat(file)).mode & 0o077, file).toBe(0)
    await phone.ok(['put', '-q', '-', '/later'], { input: 'later' })
    const two = await backUp('backups', '--without-keys')
    expect(two).toMatchObject({ blobs: 3, copied: 1, keyFile: false })
    expect((await own().ok('restore', at('backups'), '--list')).split('\n')).toHaveLength(2)
    for (const name of [first, two.name]) await own().ok('restore', at('backups'), '--check', '--at', name)
    expect((await readdir(at('backups'))).filter((name) => name.startsWith('.partial'))).toEqual([])
  })

  it('holds no secret of a user', async () => {
    for (const file of await allFiles('backups')) {
      const bytes = await readFile(file)
      for (const text of [LOGIN, phone.password, 'small', 'later']) expect(bytes.includes(text), file).toBe(false)
    }
  })

  it('is restored into an empty folder, and devices that saw more give their changes back', async () => {
    const result = await into('restored').json<{ name: string; blobs: number }>('restore', at('backups'), '--at', first)
    expect(result).toMatchObject({ name: first, blobs: 2 })
    expect((await stat(at('restored'))).mode & 0o077).toBe(0)
    expect((await stat(join(at('restored'), 'keys.json'))).mode & 0o777).toBe(0o600)
    await serveInstead('restored')
    expect((await own().run(['verify', '--deep', '--keys'])).code).toBe(0)
    // Sessions of then are over; what was changed since is missed, and comes back.
    expect((await phone.run(['ls', '/'])).code).toBe(4)
    expectFailure(await phone.run(['login', LOGIN]), 5, /restore-server/)
    await phone.ok(['restore-server', '--yes', '-q']).catch(() => undefined)
    expect((await cat(phone, '/small')).toString()).toBe('small')
    expect((await cat(phone, '/big')).equals(big)).toBe(true)
    expect((await phone.ok(['ls', '/'])).stdout.toString()).toBe('big\nlater\nsmall\n')
    // Its content was newer than the backup, and is lost with the store.
    expect((await phone.run(['cat', '/later'])).code).not.toBe(0)
    await phone.ok(['put', '-q', '-', '/later'], { input: 'again' })
    await laptop.login(LOGIN)
    expect((await cat(laptop, '/later')).toString()).toBe('again')
    const again = await backUp('backups')
    expect(again).toMatchObject({ blobs: 3, copied: 1 })
  })

  it('needs the copy of the key file where the backup has none, and finds out when it is another one', async () => {
    const names = (await own().ok('restore', at('backups'), '--list')).split('\n')
    const keyless = (names.find((line) => line.endsWith('without keys')) ?? '').split(' ')[0] ?? ''
    const run = (...flags: string[]) => into('keyless').run(['restore', at('backups'), '--at', keyless, ...flags])
    expectFailure(await run(), 3, /without keys.*--keys/)
    await writeFile(at('wrong.json'), '{"version":1,"about":"","currentKeyId":null,"keys":[]}', { mode: 0o600 })
    expectFailure(await run('--keys', at('wrong.json')), 1, /lacks the key/)
    await expect(startDevServer({ dataDir: at('keyless') })).rejects.toThrow(/restore into this data folder was not/)
    await rm(join(at('keyless'), 'keys.json'))
    expect((await run('--keys', join(at('data'), 'keys.json'))).code).toBe(0)
    const other = await startDevServer({ dataDir: at('keyless') })
    await other.stop()
  })

  it('is not restored over anything, nor into a folder of another service', async () => {
    expectFailure(await into('data').run(['restore', at('backups')]), 6, /not empty/)
    const stranger = await startDevServer()
    try {
      const result = await operator(stranger.settings).run(['backup', at('backups')])
      expectFailure(result, 6, /another service/)
    } finally {
      await stranger.stop()
    }
    expectFailure(await own().run(['backup', at('data')]), 6, /other things/)
    expectFailure(await into('none').run(['restore', at('nothing')]), 3, /no whole backup/)
  })

  it('is refused with one line where a byte of it is changed', async () => {
    const newest = (await readdir(join(at('backups'), 'backups'))).sort().at(-1) ?? ''
    const file = join(at('backups'), 'backups', newest, 'tables', 'commits.jsonl.gz')
    const bytes = await readFile(file)
    const flipped = Buffer.from(bytes)
    flipped[100] = (flipped[100] ?? 0) ^ 1
    await writeFile(file, flipped)
    expectFailure(await own().run(['restore', at('backups'), '--check']), 5, /is damaged/)
    await writeFile(file, bytes)
  })

  it('leaves nothing half done when server or restore are killed', async () => {
    const running = own().run(['backup', at('killed')])
    await appears(() => readdir(join(at('killed'), 'backups')).then((names) => names.length > 0))
    await server.kill9()
    expect((await running).code).not.toBe(0)
    expect((await into('data').run(['restore', at('killed'), '--list'])).code).toBe(0)
    const { port } = new URL(server.url)
    server = await startDevServer({ dataDir: server.dataDir, port: Number(port) })
    const { name } = await backUp('killed')
    expect(await readdir(join(at('killed'), 'backups'))).toContain(name)
    for (const sign of ['blobs', 'postgres']) {
      let pid = 0
      const restoring = runCli(['admin', 'restore', at('killed')], {
        home: at('nobody'),
        server: 'http://127.0.0.1:9',
        env: { STRONGROOM_DATA: at('cut') },
        onSpawn: (child) => {
          pid = child.pid ?? 0
        },
      })
      await appears(() => readdir(at('cut')).then((names) => names.includes(sign)))
      process.kill(pid, 'SIGKILL')
      await restoring
      await expect(startDevServer({ dataDir: at('cut') })).rejects.toThrow(/was not finished/)
    }
    await into('cut').ok('restore', at('killed'))
    await serveInstead('cut')
    expect((await own().run(['verify', '--deep', '--keys'])).code).toBe(0)
  })
})

/** Resolves once something is there. */
async function appears(look: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 6000; attempt += 1) {
    if (await look().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not appear')
}
