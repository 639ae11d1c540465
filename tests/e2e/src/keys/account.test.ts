import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { useDesk } from '../cli/device.ts'

const LOGIN = 'tester@example.org'
const desk = useDesk()
let scratch: string
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'strongroom-account-'))
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

async function newDevice(password = desk.device.password): Promise<CliDevice> {
  const device = await CliDevice.create(desk.server.url, password)
  await device.login(LOGIN)
  return device
}

/** A device as somebody copied it. */
async function copyOf(device: CliDevice): Promise<CliDevice> {
  const copy = await CliDevice.create(device.server, device.password)
  await cp(device.home, copy.home, { recursive: true })
  return copy
}

const testKey = (device: CliDevice, file: string) => device.run(['recovery', 'test', '--recovery-key-file', file])

describe('keys rotate --account', () => {
  it('ends what the old recovery key and other sessions open, and moves no file', async () => {
    await desk.putText('/kept.txt', 'kept')
    await using other = await newDevice()
    const [before, after] = [join(desk.device.home, 'recovery.txt'), join(scratch, 'account.txt')]
    expect((await testKey(desk.device, before)).code).toBe(0)
    expect((await other.run(['cat', '/kept.txt'])).code).toBe(0)
    await desk.ok('keys', 'rotate', '--account', '--recovery-file', after)
    expect((await testKey(desk.device, before)).code).toBe(4)
    expect((await testKey(desk.device, after)).code).toBe(0)
    const ended = await other.run(['cat', '/kept.txt'])
    expect(ended.code).toBe(4)
    // The device that rotated goes on, with what it had cached.
    expect(await desk.readText('/kept.txt')).toBe('kept')
    await other.login(LOGIN)
    expect((await other.ok(['cat', '/kept.txt'])).stdout.toString()).toBe('kept')
    await other.ok(['put', '--quiet', '-', '/more.txt'], { input: 'more' })
    expect(await desk.readText('/more.txt')).toBe('more')
    const status = await desk.json<{ accountKeyMade: string; keyringVersion: number }>('keys', 'status')
    expect(status.keyringVersion).toBe(2)
    expect(Date.now() - Date.parse(status.accountKeyMade)).toBeLessThan(300_000)
  })

  it('is refused with a wrong password, and leaves no file then', async () => {
    const wrong = await desk.device.run(
      ['keys', 'rotate', '--account', '--recovery-file', join(scratch, 'wrong.txt')],
      {
        env: { STRONGROOM_PASSWORD: 'not the password' },
      },
    )
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringMatching(/password is wrong; nothing was changed/)])
    await expect(readFile(join(scratch, 'wrong.txt'))).rejects.toThrow()
  })

  it('of a device that was copied before leaves the copy without anything', async () => {
    await using copy = await copyOf(desk.device)
    expect((await copy.run(['ls'])).code).toBe(0)
    await using other = await newDevice()
    await other.ok(['keys', 'rotate', '--account', '--recovery-file', join(scratch, 'copied.txt')])
    expect((await copy.run(['ls'])).code).toBe(4)
    expect((await desk.run('ls')).code).toBe(4)
    await desk.device.login(LOGIN)
    expect(await desk.readText('/kept.txt')).toBe('kept')
  })
})

describe('keys rotate --leaked', () => {
  it('replaces everything that opens the account, and leaves every device that signs in again at work', async () => {
    const next = 'a fresh password nobody knows 77'
    await using other = await newDevice()
    const before = await desk.json<{ cardHash: string; epoch: number }>('keys', 'status')
    const env = { STRONGROOM_NEW_PASSWORD: next }
    const file = join(scratch, 'leaked.txt')
    const result = await desk.device.ok(['keys', 'rotate', '--leaked', '--recovery-file', file], { env })
    expect(result.stderr).toMatch(/Only what is written from now on is protected/)
    const after = await desk.json<{ cardHash: string; epoch: number; cardMade: string }>('keys', 'status')
    expect(after.epoch).toBe(before.epoch + 1)
    expect(after.cardHash).not.toBe(before.cardHash)
    expect(Date.now() - Date.parse(after.cardMade)).toBeLessThan(300_000)
    expect(await desk.readText('/kept.txt')).toBe('kept')
    await desk.putText('/fresh.txt', 'fresh')
    expect((await other.run(['ls'])).code).toBe(4)
    expect((await other.run(['login', LOGIN])).code).toBe(4)
    await other.ok(['login', LOGIN], { password: next })
    expect((await other.ok(['cat', '/kept.txt', '/fresh.txt'])).stdout.toString()).toBe('keptfresh')
    await other.ok(['put', '--quiet', '-', '/after.txt'], { input: 'after' })
    expect(await desk.readText('/after.txt')).toBe('after')
    await using fresh = await newDevice(next)
    expect((await fresh.ok(['cat', '/kept.txt', '/after.txt'])).stdout.toString()).toBe('keptafter')
    expect((await testKey(fresh, file)).code).toBe(0)
    const dry = await desk.ok('keys', 'rotate', '--leaked', '--dry-run')
    expect(dry).toBe('Would replace: password, account-key, recovery-key, identity, vault-key\n')
  })
})
