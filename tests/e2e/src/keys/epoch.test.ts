import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { openDatabase } from '../../../dev-env/database.ts'
import { checkpointNow } from '../../../dev-env/device-log.ts'
import { operator } from '../admin/operator.ts'
import { useDesk } from '../cli/device.ts'

const desk = useDesk()
let other: CliDevice
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'strongroom-epoch-'))
  other = await CliDevice.create(desk.server.url, desk.device.password)
  await other.login('tester@example.org')
})
afterAll(async () => {
  await other[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

async function newDevice(): Promise<CliDevice> {
  const device = await CliDevice.create(desk.server.url, desk.device.password)
  await device.login('tester@example.org')
  return device
}

async function catOn(device: CliDevice, path: string): Promise<string> {
  return (await device.ok(['cat', path])).stdout.toString('utf8')
}

interface Pins {
  keyrings: Record<string, { version: number; hash: string }>
}

async function pinnedKeyring(device: CliDevice): Promise<number | undefined> {
  const pins = JSON.parse(await readFile(join(device.home, 'pins.json'), 'utf8')) as Pins
  return Object.values(pins.keyrings)[0]?.version
}

describe('keys rotate --epoch', () => {
  it('is followed by other devices, whose pins go forward, and by new ones', async () => {
    await desk.putText('/before.txt', 'under the first key')
    await catOn(other, '/before.txt')
    const result = await desk.json<{
      epoch: number
      own: boolean
      contents: number
      wrapped: number
      confirmed: number
    }>('keys', 'rotate', '--epoch')
    expect(result).toEqual({ epoch: 2, own: true, contents: 1, wrapped: 1, confirmed: 1 })
    await desk.putText('/after.txt', 'under the second')
    // A device that was here before learns the key from the wrap in the chain.
    expect(await catOn(other, '/after.txt')).toBe('under the second')
    expect(await catOn(other, '/before.txt')).toBe('under the first key')
    expect([await pinnedKeyring(desk.device), await pinnedKeyring(other)]).toEqual([2, 2])
    await other.ok(['put', '--quiet', '-', '/other.txt'], { input: 'from the other' })
    expect(await desk.readText('/other.txt')).toBe('from the other')
    await using fresh = await newDevice()
    expect(await catOn(fresh, '/before.txt')).toBe('under the first key')
    expect(await catOn(fresh, '/other.txt')).toBe('from the other')
  })

  it('again and again leaves everything readable, also through a checkpoint of an older epoch', async () => {
    await checkpointNow(desk.device.home)
    await desk.ok('keys', 'rotate', '--epoch')
    await desk.putText('/third.txt', 'three')
    await desk.ok('keys', 'rotate', '--epoch')
    for (const path of ['/before.txt', '/after.txt', '/other.txt', '/third.txt']) {
      expect(await catOn(other, path)).toBe(await desk.readText(path))
    }
    await using fresh = await newDevice()
    expect(await catOn(fresh, '/before.txt')).toBe('under the first key')
    await checkpointNow(desk.device.home)
    await using later = await newDevice()
    expect(await catOn(later, '/third.txt')).toBe('three')
    const status = await desk.json<{ epoch: number; epochBegan: string | null }>('keys', 'status')
    expect(status.epoch).toBe(4)
    expect(Date.now() - Date.parse(status.epochBegan ?? '')).toBeLessThan(600_000)
  })

  it('by two devices at once leaves both at work', async () => {
    const [one, two] = await Promise.all([
      desk.run('keys', 'rotate', '--epoch'),
      other.run(['keys', 'rotate', '--epoch']),
    ])
    expect([one.code, two.code]).toEqual([0, 0])
    await desk.putText('/race.txt', 'after the race')
    expect(await catOn(other, '/race.txt')).toBe('after the race')
    await other.ok(['put', '--quiet', '-', '/race2.txt'], { input: 'too' })
    expect(await desk.readText('/race2.txt')).toBe('too')
  })

  it('while another device uploads loses nothing', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `file-${index}.txt`)
    for (const name of names) await writeFile(join(scratch, name), `content of ${name}`)
    const uploads = (async () => {
      for (const name of names) await other.ok(['put', '--quiet', join(scratch, name), `/${name}`])
    })()
    await desk.ok('keys', 'rotate', '--epoch')
    await desk.ok('keys', 'rotate', '--epoch')
    await uploads
    for (const name of [names[0], names[3], names[7]]) {
      expect(await desk.readText(`/${name}`)).toBe(`content of ${name}`)
    }
  })

  it('is confirmed, so that older wraps go after the grace, and everything still opens everywhere', async () => {
    const olderWraps = async () =>
      (await desk.json<{ server: { olderWraps: number } }>('keys', 'status')).server.olderWraps
    const admin = operator(desk.server.settings)
    // What two rotations at once, or an upload meanwhile, has left.
    await desk.ok('keys', 'rotate', '--epoch')
    expect(await olderWraps()).toBeGreaterThan(0)
    await admin.ok('gc')
    expect(await olderWraps()).toBeGreaterThan(0)
    const database = openDatabase(desk.server)
    await database.query('UPDATE wraps SET confirmed_ms = 0 WHERE confirmed_ms IS NOT NULL')
    await database.end()
    expect(await admin.ok('gc')).toMatch(/older/)
    expect(await olderWraps()).toBe(0)
    for (const path of ['/before.txt', '/third.txt', '/race2.txt', '/file-7.txt']) {
      expect(await catOn(other, path)).toBe(await desk.readText(path))
    }
    await using fresh = await newDevice()
    expect(await catOn(fresh, '/before.txt')).toBe('under the first key')
  })

  it('says what it would do', async () => {
    expect(await desk.ok('keys', 'rotate', '--epoch', '--dry-run')).toMatch(/^Would start epoch \d+ and wrap the keys/)
  })
})

// The last one: to devices that saw the keyring which is taken away, the one that takes its place is another.
describe('a keyring that lags behind the log', () => {
  it('is brought up to it by the next device, with its signature', async () => {
    const database = openDatabase(desk.server)
    try {
      const version = async () => (await database.query('SELECT version FROM keyrings')).rows[0]?.version
      await database.query('CREATE TABLE kept_keyrings AS SELECT * FROM keyrings')
      const before = await version()
      await desk.ok('keys', 'rotate', '--epoch')
      expect(await version()).not.toBe(before)
      await database.query(`UPDATE keyrings k SET version = b.version, sealed = b.sealed, outer_version = b.outer_version
        FROM kept_keyrings b WHERE b.account_id = k.account_id`)
      await database.query('DROP TABLE kept_keyrings')
      await using fresh = await newDevice()
      expect(await catOn(fresh, '/before.txt')).toBe('under the first key')
      expect(Number(await version())).toBe(Number(before) + 1)
      await using another = await newDevice()
      expect(await catOn(another, '/before.txt')).toBe('under the first key')
    } finally {
      await database.end()
    }
  })
})
