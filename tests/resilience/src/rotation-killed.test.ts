import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, type CliResult } from '../../dev-env/cli.ts'
import type { Fault } from './harness/fault-proxy.ts'
import { ageLocks, hashOf, MIB, openWorld, partBytes, ROUTE, route, type World } from './harness/world.ts'

const soak = process.env.STRONGROOM_SOAK === '1'
const NEXT = 'a fresh password nobody knows 77'
const FILES = ['/one.txt', '/sub/two.txt']

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const CREDENTIALS = route('POST', /^\/v1\/account\/credentials$/)
const WRAPS = route('POST', /^\/v1\/wraps$/)

type Point = Pick<Fault, 'matches' | 'nth' | 'at'> & { readonly name: string; readonly always?: boolean }

const at = (name: string, matches: Fault['matches'], nth: number, always = false): Point[] => [
  { name: `${name}, whose answer is lost`, matches, nth, at: 'answered', always },
  { name: `${name}, which never comes`, matches, nth, at: 'seen' },
]

/** A new account with a few files, and a file for each recovery key. */
async function newAccount(): Promise<{ device: CliDevice; login: string; recoveryFile: () => string }> {
  const device = await CliDevice.create(world.proxy.url)
  const login = `killed-${randomBytes(5).toString('hex')}`
  await device.register(login)
  await device.ok(['mkdir', '/sub'])
  for (const path of FILES) await device.ok(['put', '--quiet', '-', path], { input: `content of ${path}` })
  let count = 0
  const recoveryFile = () => {
    count += 1
    return join(device.home, `new-${count}.txt`)
  }
  return { device, login, recoveryFile }
}

/** Runs a command that is killed at a point; false when it ended before it got there. */
async function killedAt(device: CliDevice, parameters: string[], point: Point): Promise<boolean> {
  let kill = (): void => {}
  let happened = false
  world.proxy.plan({
    ...point,
    act: () => {
      happened = true
      kill()
    },
  })
  await device.run(parameters, {
    env: { STRONGROOM_NEW_PASSWORD: NEXT },
    onSpawn: (child) => {
      kill = () => child.kill('SIGKILL')
    },
  })
  world.proxy.plan(null)
  await ageLocks(device.home)
  return happened
}

async function expectFiles(device: CliDevice, password: string): Promise<void> {
  for (const path of FILES) {
    const { stdout } = await device.ok(['cat', path], { password })
    expect(stdout.toString()).toBe(`content of ${path}`)
  }
}

/** Signs in with the new password, or else with the old one: one of them is right. */
async function signIn(device: CliDevice, login: string): Promise<void> {
  const fresh = await device.run(['login', login], { password: NEXT })
  if (fresh.code === 0) return
  expect(fresh.code).toBe(4)
  await device.ok(['login', login])
}

describe('kill -9 during keys rotate --leaked', () => {
  // Commits in turn: what is to be done, when the account key was made, identity and epoch, that all is done.
  const points = [
    ...at('the change of credentials', CREDENTIALS, 1, true),
    ...at('the commit of identity and epoch', ROUTE.commit, 3, true),
    ...at('the first commit', ROUTE.commit, 1),
    ...at('the commit after the account key', ROUTE.commit, 2),
    ...at('the wraps', WRAPS, 1),
    ...at('the last commit', ROUTE.commit, 4),
  ]

  it.each(points.filter((point) => soak || point.always))('at $name', async (point) => {
    const { device, login, recoveryFile } = await newAccount()
    await using _ = device
    const command = () => ['keys', 'rotate', '--leaked', '--recovery-file', recoveryFile()]
    expect(await killedAt(device, command(), point)).toBe(true)
    // Whatever died: a device can sign in with one of the two passwords, and everything is there.
    await using other = await CliDevice.create(world.proxy.url)
    await signIn(other, login)
    await expectFiles(other, NEXT)
    // Cut off at its very end all is done, or is done by the next command: beginning anew would take the new password.
    const isOver = point.nth === 4
    let result: CliResult | null = null
    for (let attempt = 1; result?.code !== 0 && attempt <= 3; attempt += 1) {
      result = await device.run(isOver ? ['ls'] : command(), { env: { STRONGROOM_NEW_PASSWORD: NEXT } })
      if (result.code === 4) await signIn(device, login)
    }
    const told = isOver ? /^$/ : /vault key are new/
    expect([result?.code, result?.stderr]).toEqual([0, expect.stringMatching(told)])
    await expectFiles(device, NEXT)
    expect((await other.run(['login', login])).code).toBe(4)
    await other.ok(['login', login], { password: NEXT })
    await expectFiles(other, NEXT)
    const status = await other.ok(['--json', 'keys', 'status'], { password: NEXT })
    expect(JSON.parse(status.stdout.toString()).epoch).toBe(2)
  })
})

describe('kill -9 during other rotations', () => {
  const cases = [
    ...at('the epoch commit', ROUTE.commit, 1, true).map((point) => ({ point, kind: '--epoch' })),
    ...at('the wraps of an epoch', WRAPS, 1).map((point) => ({ point, kind: '--epoch' })),
    ...at('the commit of new contents', ROUTE.commit, 1).map((point) => ({ point, kind: '--dek' })),
    ...at('the reservation of new contents', ROUTE.reserve, 1).map((point) => ({ point, kind: '--dek' })),
  ].map((each) => ({ ...each, name: each.point.name }))

  it.each(cases.filter(({ point }) => soak || point.always))('at $name', async ({ point, kind }) => {
    const { device, login } = await newAccount()
    await using _ = device
    const command = ['keys', 'rotate', kind, ...(kind === '--dek' ? ['--older-than', '0min'] : [])]
    expect(await killedAt(device, command, point)).toBe(true)
    await expectFiles(device, device.password)
    await device.ok(command)
    await expectFiles(device, device.password)
    await using fresh = await CliDevice.create(world.proxy.url)
    await fresh.login(login)
    await expectFiles(fresh, fresh.password)
  })
})

describe('kill -9 while a large content is given a new key', () => {
  const SIZE = 40 * MIB

  it('leaves what was sent where it is: neither read nor sent again', async () => {
    const { device, login } = await newAccount()
    await using _ = device
    const path = await world.file(`${login}.bin`, 7, SIZE)
    await device.ok(['put', path, '/large.bin'])
    const command = ['keys', 'rotate', '--dek', '--older-than', '0min', '--jobs', '1']
    expect(await killedAt(device, command, { name: 'the third part', matches: ROUTE.part, nth: 3, at: 'seen' })).toBe(
      true,
    )
    world.proxy.forget()
    const rotated = await device.ok(['--json', ...command])
    expect(JSON.parse(rotated.stdout.toString())).toMatchObject({ skipped: 0, failed: [] })
    // Four of six parts, and the two small files.
    const objects = world.proxy.passed.filter(ROUTE.object)
    expect(partBytes(world.proxy)).toBeLessThan(SIZE - 15 * MIB)
    expect(objects.length).toBeLessThanOrEqual(4 + FILES.length)
    await device.ok(['get', '/large.bin', `${path}.back`])
    expect(await hashOf(`${path}.back`)).toBe(await hashOf(path))
    // No journal is left: the account key can be changed.
    await device.ok(['keys', 'rotate', '--account', '--recovery-file', `${path}.key`])
  })
})
