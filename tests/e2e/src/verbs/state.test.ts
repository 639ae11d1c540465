import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { expectFailure } from '../cli/device.ts'

let folder: string
let server: DevServer
let phone: CliDevice
let laptop: CliDevice

const data = () => join(folder, 'data')
const backup = () => join(folder, 'backup')
const code = async (device: CliDevice): Promise<string> => (await device.ok(['state'])).stdout.toString().trim()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-state-'))
  server = await startDevServer({ dataDir: data() })
  phone = await CliDevice.create(server.url)
  laptop = await CliDevice.create(server.url)
  await phone.register('state@example.org')
  await laptop.login('state@example.org')
})
afterAll(async () => {
  for (const device of [phone, laptop]) await device[Symbol.asyncDispose]()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** With owners and times, as a backup would. */
function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to])
}

/** Sets the server back to the copy that was made before; the same address serves it. */
async function restoreBackup(): Promise<void> {
  const { port } = new URL(server.url)
  await server.stop()
  await rm(data(), { recursive: true })
  copyFolder(backup(), data())
  server = await startDevServer({ dataDir: data(), port: Number(port) })
}

describe('state', () => {
  it('is the same on two devices of an account', async () => {
    await phone.ok(['mkdir', '/a'])
    const own = await code(phone)
    expect(own).toMatch(/^\d+( [bdfghjklmnprstvz][aiou][bdfghjklmnprstvz][ao]){6}$/)
    expect(await code(laptop)).toBe(own)
    const result = await laptop.ok(['state', '--compare', own.toUpperCase().replaceAll(' ', '-')])
    expect(result.stderr).toMatch(/same history up to commit \d+\.\n$/)
  })

  it('compares an older code at its own place', async () => {
    const old = await code(phone)
    for (const name of ['/b', '/c']) await phone.ok(['mkdir', name])
    expect((await laptop.ok(['state', '--compare', old])).stderr).toMatch(/This device has seen 2 more\.\n$/)
    const compared = JSON.parse((await laptop.ok(['--json', 'state', '--compare', old])).stdout.toString())
    expect(compared).toMatchObject({ outcome: 'same', seq: Number(old.split(' ')[0]) })
  })

  it('stops on a code of another history, or of commits that the server does not show', async () => {
    const [seq, ...words] = (await code(phone)).split(' ')
    const other = [seq, ...words.map((word) => (word === 'baba' ? 'babo' : 'baba'))].join(' ')
    expectFailure(await laptop.run(['state', '--compare', other]), 5, /different histories at commit/)
    const ahead = [Number(seq) + 5, ...words].join(' ')
    expectFailure(await laptop.run(['state', '--compare', ahead]), 5, /nothing after commit/)
    expectFailure(await laptop.run(['state', '--compare', 'abc']), 2, /no state code/)
  })
})

describe('a server that was set back to an older backup', () => {
  it('stops the device that saw more, which says what it saw and still tells its code', async () => {
    const { port } = new URL(server.url)
    await server.stop()
    copyFolder(data(), backup())
    server = await startDevServer({ dataDir: data(), port: Number(port) })
    await phone.ok(['mkdir', '/newer'])
    const seen = await code(phone)
    await restoreBackup()
    expectFailure(
      await phone.run(['ls', '/']),
      5,
      /shows commit (\d+) as the newest, but this device has seen commit \d+/,
    )
    const verbose = (await phone.run(['ls', '/', '--verbose'])).stderr
    expect(verbose).toMatch(
      /this device has seen: commit \d+, [0-9a-f]{64}\n {2}the server shows: {5}commit \d+, [0-9a-f]{64}/,
    )
    const state = await phone.run(['state'])
    expect([state.code, state.stdout.toString().trim()]).toEqual([5, seen])
  })

  it('and goes on from there, has told two histories, which is known also after a new login', async () => {
    await laptop.ok(['mkdir', '/instead'])
    expectFailure(await phone.run(['ls', '/']), 5, /another commit \d+ than this device has seen/)
    await phone.run(['logout'])
    const back = await phone.run(['login', 'state@example.org'])
    expect(back.code === 0 ? (await phone.run(['ls', '/'])).code : back.code).toBe(5)
    expectFailure(
      await laptop.run(['state', '--compare', await pinnedCode(phone)]),
      5,
      /different histories|nothing after/,
    )
    await laptop.ok(['ls', '/'])
  })
})

async function pinnedCode(device: CliDevice): Promise<string> {
  return (await device.run(['state'])).stdout.toString().trim()
}
