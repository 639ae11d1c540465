import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'

let folder: string
let server: DevServer
/** Makes the changes. */
let phone: CliDevice
/** Reads them, and the content of one. */
let laptop: CliDevice
/** Never sees them. */
let tablet: CliDevice

const data = () => join(folder, 'data')
const backup = () => join(folder, 'backup')
const big = randomBytes(9 * 1024 * 1024)
const ok = async (device: CliDevice, ...parameters: string[]): Promise<Buffer> => (await device.ok(parameters)).stdout
const code = async (device: CliDevice): Promise<string> => (await device.run(['state'])).stdout.toString().trim()

/** Stops the server, changes its folder, and serves the same address again. */
async function whileStopped(change: () => Promise<void>): Promise<void> {
  const { port } = new URL(server.url)
  await server.stop()
  await change()
  server = await startDevServer({ dataDir: data(), port: Number(port) })
}

/** Sets the database back, with owners and times as a backup has them; and the blobs too, where they are named. */
async function setBack(...parts: string[]): Promise<void> {
  await whileStopped(async () => {
    for (const part of parts) {
      await rm(join(data(), part), { recursive: true })
      execFileSync('cp', ['-a', join(backup(), part), join(data(), part)])
    }
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-restore-'))
  server = await startDevServer({ dataDir: data() })
  phone = await CliDevice.create(server.url)
  laptop = await CliDevice.create(server.url)
  tablet = await CliDevice.create(server.url)
  await phone.register('restore@example.org')
  await phone.ok(['put', '-q', '-', '/before'], { input: 'before' })
  for (const device of [laptop, tablet]) {
    await device.login('restore@example.org')
    await device.ok(['ls', '/'])
  }
  await whileStopped(async () => {
    execFileSync('cp', ['-a', data(), backup()])
  })
  await phone.ok(['put', '-q', '-', '/small'], { input: 'small' })
  await phone.ok(['put', '-q', '-', '/big'], { input: big })
  await phone.ok(['put', '-q', '-', '/gone'], { input: 'gone' })
  await phone.ok(['rm', '--permanent', '/gone'])
  await phone.ok(['mv', '/before', '/renamed'])
  expect((await ok(laptop, 'cat', '/small')).toString()).toBe('small')
}, 120_000)
afterAll(async () => {
  for (const device of [phone, laptop, tablet]) await device[Symbol.asyncDispose]()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

const names = async (device: CliDevice) => (await ok(device, 'ls', '/')).toString().trim().split('\n')

describe('restore-server', () => {
  it('has nothing to do for a server that was not set back', async () => {
    const result = await phone.run(['--json', 'restore-server'])
    expect([result.code, JSON.parse(result.stdout.toString())]).toEqual([0, { restored: 0, lost: 0 }])
  })

  it('gives back what the database lost, and the objects that survived are usable again', async () => {
    const seen = await code(phone)
    await setBack('postgres')
    expectFailure(await phone.run(['ls', '/']), 5, /but this device has seen commit \d+.*"strongroom restore-server"/)
    expectFailure(await phone.run(['restore-server']), 2, /--yes/)
    expectFailure(await phone.run(['ls', '/']), 5, /restore-server/)
    const restored = await phone.run(['restore-server', '--yes'])
    expect([restored.code, restored.stderr]).toEqual([0, expect.stringMatching(/^Gave 5 changes back/)])
    expect(await code(phone)).toBe(seen)
    expect(await names(phone)).toEqual(['big', 'renamed', 'small'])
    expect((await ok(phone, 'cat', '/big')).equals(big)).toBe(true)
    expect(await names(laptop)).toEqual(['big', 'renamed', 'small'])
    expect((await ok(laptop, 'cat', '/small')).toString()).toBe('small')
    expect((await ok(laptop, 'cat', '/renamed')).toString()).toBe('before')
  })

  it('says how much is lost when a device that only read gives back, and the one that wrote completes it', async () => {
    await setBack('postgres')
    expectFailure(await laptop.run(['restore-server', '--yes', '-q']), 9, /^strongroom: 1 content cannot be read/)
    expect(await names(phone)).toEqual(['big', 'renamed', 'small'])
    expect((await ok(laptop, 'cat', '/small')).toString()).toBe('small')
    expect((await laptop.run(['cat', '/big'])).code).not.toBe(0)
    expect((await phone.run(['restore-server'])).code).toBe(0)
    for (const device of [phone, laptop]) expect((await ok(device, 'cat', '/big')).equals(big)).toBe(true)
  })

  it('says how much is lost when objects are gone, also after a new login, and the rest works on', async () => {
    // A sign-in that is newer than the backup is lost with it.
    await phone.ok(['logout'])
    await phone.login('restore@example.org')
    await setBack('postgres', 'blobs')
    expect((await phone.run(['restore-server', '--yes'])).code).toBe(4)
    expectFailure(await phone.run(['login', 'restore@example.org']), 5, /restore-server/)
    for (const parameters of [['--yes'], []]) {
      expectFailure(
        await phone.run(['restore-server', '-q', ...parameters]),
        9,
        /^strongroom: 2 contents cannot be read/,
      )
    }
    expect(await names(laptop)).toEqual(['big', 'renamed', 'small'])
    expect((await phone.run(['cat', '/small'])).code).not.toBe(0)
    expect((await ok(phone, 'cat', '/renamed')).toString()).toBe('before')
    await phone.ok(['put', '-q', '-', '/small'], { input: 'again' })
    expect((await ok(laptop, 'cat', '/small')).toString()).toBe('again')
    await phone.ok(['rm', '--permanent', '/small', '/big'])
    expect((await phone.run(['restore-server'])).code).toBe(0)
  })

  it('stops for a server on which another device has gone on since', async () => {
    await setBack('postgres', 'blobs')
    await tablet.ok(['mkdir', '/instead'])
    const before = await code(tablet)
    expect((await phone.run(['login', 'restore@example.org'])).code).toBe(5)
    for (const device of [phone, laptop]) {
      expectFailure(await device.run(['restore-server', '--yes']), 5, /another commit \d+ than this device has seen/)
      expect((await device.run(['ls', '/'])).code).toBe(5)
    }
    await tablet.ok(['ls', '/'])
    expect(await code(tablet)).toBe(before)
  })
})
