import { server as opaque, ready } from '@serenity-kit/opaque'
import { ClientError, type Platform, type Session, Strongroom, type TransportRequest } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, newHome } from '../../../e2e/src/sdk/sdk.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'

const PASSWORD = 'correct horse battery staple 41'
const NEXT = 'a very different password 17'

let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
beforeAll(async () => {
  await ready
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path, env: { LOGIN_ATTEMPTS_PER_MINUTE: '10000' } })
})
afterAll(async () => {
  await server?.stop()
  await data?.remove()
})

type Json = Record<string, unknown>
/** Changes the server's answer to a request, or leaves it. */
type Lie = (request: { path: string; body: Json }, answer: Json) => Json | Promise<Json>

/** A platform on a wire that lies, and notes what was asked. */
function lied(platform: Platform, lie: { tell: Lie | null }): Platform & { asked: string[] } {
  const asked: string[] = []
  const transport = async (url: string, request: TransportRequest) => {
    const path = new URL(url).pathname
    asked.push(`${request.method} ${path}`)
    const answer = await platform.transport(url, request)
    if (lie.tell === null || answer.status !== 200) return answer
    const text = new TextDecoder().decode(await answer.bytes(2 ** 25))
    const body = typeof request.body === 'string' ? (JSON.parse(request.body) as Json) : {}
    const changed = new TextEncoder().encode(JSON.stringify(await lie.tell({ path, body }, JSON.parse(text) as Json)))
    return { ...answer, bytes: async () => changed }
  }
  return { ...platform, transport, asked }
}

interface Account extends AsyncDisposable {
  readonly login: string
  readonly recoveryKey: string
  readonly platform: ReturnType<typeof lied>
  readonly session: Session
  readonly lie: { tell: Lie | null }
}

async function account(change: (platform: Platform) => Platform = (same) => same): Promise<Account> {
  const lie: { tell: Lie | null } = { tell: null }
  const platform = lied(change(nodePlatform({ home: await newHome() })), lie)
  const login = freshLogin()
  let recoveryKey = ''
  const session = await Strongroom.register({
    ...{ server: server.url, login, password: PASSWORD, deviceName: 'victim', platform },
    onRecoveryKey: (text) => {
      recoveryKey = text
    },
  })
  return { login, recoveryKey, platform, session, lie, [Symbol.asyncDispose]: () => session.close() }
}

const recover = ({ login, recoveryKey, platform }: Account): Promise<Session> =>
  Strongroom.recover({
    ...{ server: server.url, login, recoveryKey, newPassword: NEXT, deviceName: 'victim', platform },
    onRecoveryKey: () => undefined,
  })

async function codeOf(task: Promise<unknown>): Promise<string> {
  try {
    await task
    return 'ok'
  } catch (error) {
    if (error instanceof ClientError) return error.code
    throw error
  }
}

/** Answers a registration under an OPAQUE setup of the liar's own, which could then test passwords at leisure. */
function underOtherKey(path: string): Lie {
  const serverSetup = opaque.createSetup()
  return (request, answer) => {
    if (request.path !== path) return answer
    const registrationRequest = String(request.body.request)
    const made = opaque.createRegistrationResponse({ serverSetup, userIdentifier: 'x', registrationRequest })
    return { ...answer, response: made.registrationResponse }
  }
}

/** The same account can still be opened as before: nothing was changed. */
async function expectUnchanged({ login, recoveryKey, session, lie }: Account): Promise<void> {
  lie.tell = null
  const platform = nodePlatform({ home: await newHome() })
  const again = await Strongroom.login({ server: server.url, login, password: PASSWORD, deviceName: 'judge', platform })
  await again.close()
  expect(await session.testRecoveryKey(recoveryKey)).toBe(true)
}

describe('a registration response under another OPAQUE key', () => {
  it('ends a change of the password before anything is sent', async () => {
    await using victim = await account()
    victim.lie.tell = underOtherKey('/v1/account/credentials/start')
    const { asked } = victim.platform
    asked.length = 0
    expect(await codeOf(victim.session.changePassword({ current: PASSWORD, next: NEXT }))).toBe('integrity')
    expect(asked).not.toContain('POST /v1/account/credentials')
    await expectUnchanged(victim)
  })

  it('ends a recovery before anything is sent', async () => {
    await using victim = await account()
    victim.lie.tell = underOtherKey('/v1/recovery/start')
    victim.platform.asked.length = 0
    expect(await codeOf(recover(victim))).toBe('integrity')
    expect(victim.platform.asked).not.toContain('POST /v1/recovery/finish')
    await expectUnchanged(victim)
  })

  it('would be taken by a client that does not compare the key', async () => {
    let pinned = new Uint8Array()
    await using victim = await account((platform) => ({
      ...platform,
      opaque: {
        ...platform.opaque,
        async finishRegistration(input) {
          const made = await platform.opaque.finishRegistration(input)
          if (pinned.length === 0) pinned = new Uint8Array(made.serverPublicKey)
          return { ...made, serverPublicKey: pinned }
        },
      },
    }))
    victim.lie.tell = underOtherKey('/v1/account/credentials/start')
    victim.platform.asked.length = 0
    await codeOf(victim.session.changePassword({ current: PASSWORD, next: NEXT }))
    expect(victim.platform.asked).toContain('POST /v1/account/credentials')
  })
})

describe('lies to a recovery', () => {
  const flipped = (text: unknown): string => {
    const bytes = Buffer.from(String(text), 'base64url')
    bytes[60] = (bytes[60] ?? 0) ^ 1
    return bytes.toString('base64url')
  }
  const toOpen =
    (change: (answer: Json) => Json | Promise<Json>): Lie =>
    ({ path }, answer) =>
      path === '/v1/recovery/open' ? change(answer) : answer
  const versionsOf = (answer: Json): Json => answer.versions as Json

  const LIES: readonly [string, (answer: Json) => Json][] = [
    ['an envelope that does not open', (answer) => ({ ...answer, recoveryEnvelope: flipped(answer.recoveryEnvelope) })],
    ['a keyring that does not open', (answer) => ({ ...answer, keyring: flipped(answer.keyring) })],
    ['another version of the envelope', (answer) => ({ ...answer, versions: { ...versionsOf(answer), recovery: 2 } })],
    ['another version of the keyring', (answer) => ({ ...answer, versions: { ...versionsOf(answer), keyring: 2 } })],
    ['the id of another account', (answer) => ({ ...answer, accountId: Buffer.alloc(16, 7).toString('base64url') })],
  ]

  it('of any kind end it before a new password is sent', async () => {
    await using victim = await account()
    for (const [about, change] of LIES) {
      victim.lie.tell = toOpen(change)
      victim.platform.asked.length = 0
      expect(await codeOf(recover(victim)), about).toBe('integrity')
      expect(victim.platform.asked, about).not.toContain('POST /v1/recovery/start')
    }
    await expectUnchanged(victim)
  })

  it('that answer with all that another account has end it too', async () => {
    await using victim = await account()
    await using other = await account()
    let theirs: Json = {}
    other.lie.tell = toOpen((answer) => {
      theirs = answer
      return { ...answer, keyring: flipped(answer.keyring) }
    })
    expect(await codeOf(recover(other))).toBe('integrity')
    victim.lie.tell = toOpen(() => theirs)
    expect(await codeOf(recover(victim))).toBe('integrity')
    await expectUnchanged(victim)
  })

  it('that show an older keyring than this device has seen end it', async () => {
    await using victim = await account()
    let before: Json = {}
    victim.lie.tell = toOpen((answer) => {
      before = answer
      return { ...answer, keyring: flipped(answer.keyring) }
    })
    expect(await codeOf(recover(victim))).toBe('integrity')
    victim.lie.tell = null
    await victim.session.keys.startEpoch()
    victim.lie.tell = toOpen((answer) => ({ ...before, recoveryId: answer.recoveryId }))
    const error = await recover(victim).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'integrity', details: { reason: 'keyring_rolled_back' } })
  })
})

describe('lies about versions', () => {
  it('change nothing: the server that holds the account refuses what was sealed for others', async () => {
    await using victim = await account()
    victim.lie.tell = ({ path }, answer) =>
      path === '/v1/account/credentials' && 'recoveryEnvelope' in answer
        ? { ...answer, versions: { password: 6, recovery: 7, keyring: 9 } }
        : answer
    expect(await codeOf(victim.session.changePassword({ current: PASSWORD, next: NEXT }))).toBe('conflict')
    await expectUnchanged(victim)
  })
})
