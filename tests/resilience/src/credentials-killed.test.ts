import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClientError, type Session, Strongroom } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice, type CliResult } from '../../dev-env/cli.ts'
import { newHome } from '../../e2e/src/sdk/sdk.ts'
import type { Fault } from './harness/fault-proxy.ts'
import { hold } from './harness/hold.ts'
import { type Random, seeded, seedsOf } from './harness/random.ts'
import { ageLocks, LOGIN, openWorld, route, type World } from './harness/world.ts'

const READ = route('GET', /^\/v1\/account\/credentials$/)
const START = route('POST', /^\/v1\/account\/credentials\/start$/)
const CHANGE = route('POST', /^\/v1\/account\/credentials$/)
const LOGIN_START = route('POST', /^\/v1\/login\/start$/)
const OPEN = route('POST', /^\/v1\/recovery\/open$/)
const RECORD = route('POST', /^\/v1\/recovery\/start$/)
const FINISH = route('POST', /^\/v1\/recovery\/finish$/)
const DEVICE = route('PUT', /^\/v1\/sessions\/current\/device$/)

/** The secrets that count, and where the recovery key is. */
interface Secrets {
  readonly password: string
  readonly keyFile: string
}

let world: World
let secrets: Secrets
beforeAll(async () => {
  world = await openWorld({ LOGIN_ATTEMPTS_PER_MINUTE: '100000' })
  secrets = { password: world.device.password, keyFile: join(world.device.home, 'recovery.txt') }
  await world.device.ok(['put', '-', '/kept.txt'], { input: 'kept' })
})
afterAll(() => world[Symbol.asyncDispose]())

/** A session on a device that has never been here, or null where the password does not count. */
async function opened(password: string): Promise<Session | null> {
  const platform = nodePlatform({ home: await newHome() })
  try {
    return await Strongroom.login({ server: world.server.url, login: LOGIN, password, deviceName: 'judge', platform })
  } catch (error) {
    if (error instanceof ClientError && error.code === 'authentication') return null
    throw error
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** Which of two passwords counts; it is exactly one, and opens what was stored before. */
async function settled(old: string, next: string): Promise<{ isNew: boolean; session: Session }> {
  const [byNew, byOld] = [await opened(next), await opened(old)]
  expect([byNew, byOld].filter((session) => session !== null)).toHaveLength(1)
  const session = byNew ?? byOld
  if (session === null) throw new Error('neither password counts')
  expect((await session.drive.list('/')).map(({ name }) => name)).toEqual(['kept.txt'])
  return { isNew: byNew !== null, session }
}

interface Run {
  readonly device: CliDevice
  readonly parameters: readonly string[]
  readonly next: string
}

/** Runs a command that the fault may kill. */
async function runUntil(
  { device, parameters, next }: Run,
  fault: (kill: () => void) => Promise<void> | void,
): Promise<CliResult> {
  const result = await device.run(parameters, {
    password: secrets.password,
    env: { STRONGROOM_NEW_PASSWORD: next },
    onSpawn: (child) => void fault(() => child.kill('SIGKILL')),
  })
  world.proxy.plan(null)
  await ageLocks(device.home)
  return result
}

/** Rounds so far: each has secrets of its own, also where a seed is repeated. */
let rounds = 0
const nextPassword = (): string => {
  rounds += 1
  return `password of round ${rounds} in a row`
}

const passwd = (): Run => ({ device: world.device, parameters: ['passwd'], next: nextPassword() })

async function recovery(): Promise<Run & { keyFile: string } & AsyncDisposable> {
  const device = await CliDevice.create(world.proxy.url)
  const next = nextPassword()
  const keyFile = join(world.folder, `key-${rounds}`)
  const parameters = ['recovery', 'use', LOGIN, '--recovery-key-file', secrets.keyFile, '--recovery-file', keyFile]
  return { device, parameters, next, keyFile, [Symbol.asyncDispose]: () => device[Symbol.asyncDispose]() }
}

/** Checks an account after `passwd`, and goes on from what counts. */
async function afterPasswd({ next }: Run): Promise<boolean> {
  const { isNew, session } = await settled(secrets.password, next)
  if (isNew) secrets = { ...secrets, password: next }
  expect(await session.testRecoveryKey(await readFile(secrets.keyFile, 'utf8'))).toBe(true)
  await session.close()
  // The device that was about to change it stays signed in, whatever came of it.
  await world.device.ok(['cat', '/kept.txt'])
  return isNew
}

/** Checks an account after `recovery use`: password and recovery key are both old or both new. */
async function afterRecovery({ next, keyFile }: Run & { keyFile: string }): Promise<boolean> {
  const { isNew, session } = await settled(secrets.password, next)
  const [named, unconfirmed] = [await exists(keyFile), await exists(`${keyFile}.unconfirmed`)]
  if (named) expect(isNew).toBe(true)
  if (isNew) {
    expect(named || unconfirmed).toBe(true)
    expect(await session.testRecoveryKey(await readFile(secrets.keyFile, 'utf8'))).toBe(false)
    secrets = { password: next, keyFile: named ? keyFile : `${keyFile}.unconfirmed` }
  }
  expect(await session.testRecoveryKey(await readFile(secrets.keyFile, 'utf8'))).toBe(true)
  await session.close()
  if (isNew) await world.device.ok(['login', LOGIN], { password: next })
  return isNew
}

type Moment = Omit<Fault, 'act'>

const moment = (matches: Fault['matches'], at: 'seen' | 'answered'): Moment => ({ matches, nth: 1, at })
/** The last requests come first: they decide, and CI tries few. */
const PASSWD: readonly Moment[] = [
  moment(CHANGE, 'answered'),
  moment(CHANGE, 'seen'),
  moment(START, 'answered'),
  moment(READ, 'answered'),
  moment(LOGIN_START, 'answered'),
]
const RECOVERY: readonly Moment[] = [
  moment(FINISH, 'answered'),
  moment(FINISH, 'seen'),
  moment(DEVICE, 'seen'),
  moment(RECORD, 'answered'),
  moment(OPEN, 'answered'),
]

function at(moments: readonly Moment[], seed: number): Moment {
  const found = moments[seed % moments.length]
  if (found === undefined) throw new Error('there is a moment for each seed')
  return found
}

describe('kill -9 of the client', () => {
  it.each(seedsOf(2000, 2))('during passwd leaves the old password or the new one (seed %d)', async (seed) => {
    await seeded(seed, async () => {
      const run = passwd()
      const when = at(PASSWD, seed)
      await runUntil(run, (kill) => void world.proxy.plan({ ...when, act: kill }))
      expect(await afterPasswd(run)).toBe(when.matches === CHANGE && when.at === 'answered')
    })
  })

  it.each(seedsOf(2100, 2))('during recovery leaves the old secrets or the new ones (seed %d)', async (seed) => {
    await seeded(seed, async () => {
      await using run = await recovery()
      const when = at(RECOVERY, seed)
      await runUntil(run, (kill) => void world.proxy.plan({ ...when, act: kill }))
      const isDone = when.matches === DEVICE || (when.matches === FINISH && when.at === 'answered')
      expect(await afterRecovery(run)).toBe(isDone)
    })
  })
})

type ServerMoment = 'in the transaction' | 'before the last request' | 'after the last request' | 'before the first'
const SERVER_MOMENTS: readonly ServerMoment[] = [
  'in the transaction',
  'after the last request',
  'before the last request',
  'before the first',
]

/** Kills the server at a moment; `whole` resolves once it serves again. */
async function killServerAt(when: ServerMoment, last: Fault['matches'], first: Fault['matches']): Promise<void> {
  const act = (): Promise<void> => world.killServer()
  if (when !== 'in the transaction') {
    const matches = when === 'before the first' ? first : last
    const { happened } = world.proxy.plan({ matches, nth: 1, at: when.startsWith('after') ? 'answered' : 'seen', act })
    await happened
  } else {
    const holding = await hold(world.server.dataDir, 'envelope')
    await holding.reached()
    await world.killServer()
    await holding.release()
  }
  await world.serverIsUp()
}

/** Waits for a kill that must have happened by now: a command that never got so far shows nothing. */
async function happened(killed: Promise<void>, result: CliResult): Promise<void> {
  const never = sleep(60_000, undefined, { ref: false }).then(() => {
    throw new Error(`the moment never came; the command ended with ${result.code}: ${result.stderr}`)
  })
  await Promise.race([killed, never])
}

/** What a command said agrees with what counts. */
function expectTold(result: CliResult, isNew: boolean): void {
  if (result.code === 0) expect(isNew).toBe(true)
  else {
    expect({ code: result.code, stderr: result.stderr }).toEqual({ code: 7, stderr: expect.any(String) })
    if (result.stderr.includes('the old one still counts')) expect(isNew).toBe(false)
  }
}

describe('kill -9 of the server', () => {
  it.each(seedsOf(2200, 1))('during passwd leaves one password, and the client knows which (seed %d)', async (seed) => {
    await seeded(seed, async (random: Random) => {
      const run = passwd()
      const when = SERVER_MOMENTS[seed % SERVER_MOMENTS.length] ?? random.pick(['before the first'])
      const killed = killServerAt(when, CHANGE, LOGIN_START)
      const result = await runUntil(run, () => undefined)
      await happened(killed, result)
      expectTold(result, await afterPasswd(run))
    })
  })

  it.each(seedsOf(2301, 1))('during recovery leaves one pair of secrets (seed %d)', async (seed) => {
    await seeded(seed, async (random: Random) => {
      await using run = await recovery()
      const when = SERVER_MOMENTS[seed % SERVER_MOMENTS.length] ?? random.pick(['before the first'])
      const killed = killServerAt(when, FINISH, OPEN)
      const result = await runUntil(run, () => undefined)
      await happened(killed, result)
      expectTold(result, await afterRecovery(run))
    })
  })
})
