import { server as opaque, ready } from '@serenity-kit/opaque'
import { ClientError, type KdfProfile, Strongroom, type TransportRequest } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, newHome } from '../../../e2e/src/sdk/sdk.ts'
import { buildMutant, type Mutant } from '../harness/mutant.ts'
import type * as real from '../harness/sdk.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'

/** A later version of the client, in which one profile is retired: the only difference is that mark. */
const RETIRED: KdfProfile = 'argon2id-32'
const PASSWORD = 'correct horse battery staple 41'
const SDK = 'tests/adversary/src/harness/sdk.ts'

let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
let mutant: Mutant
let later: typeof real
beforeAll(async () => {
  await ready
  const mark = {
    file: 'packages/client/src/session/kdf-profiles.ts',
    find: "'argon2id-32': { stretching: 'argon2id-32', pbkdf2: false, retired: false }",
    replace: "'argon2id-32': { stretching: 'argon2id-32', pbkdf2: false, retired: true }",
  }
  mutant = await buildMutant([mark], SDK)
  // The module exports what the entry does.
  later = (await import(mutant.main)) as typeof real
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path, env: { LOGIN_ATTEMPTS_PER_MINUTE: '10000' } })
})
afterAll(async () => {
  await server?.stop()
  await data?.remove()
  await mutant?.[Symbol.asyncDispose]()
})

async function registered(kdf: KdfProfile): Promise<string> {
  const login = freshLogin()
  const platform = nodePlatform({ home: await newHome() })
  const input = { server: server.url, login, password: PASSWORD, deviceName: 'today', platform, kdf }
  await (await Strongroom.register({ ...input, onRecoveryKey: () => undefined })).close()
  return login
}

/** Signs in on a new device, and says under which profile that was. */
async function profileOf(login: string): Promise<string | undefined> {
  const platform = nodePlatform({ home: await newHome() })
  const session = await Strongroom.login({
    server: server.url,
    login,
    password: PASSWORD,
    deviceName: 'judge',
    platform,
  })
  await session.close()
  const pins = JSON.parse(new TextDecoder().decode((await platform.store.load('pins')) ?? new Uint8Array()))
  return Object.values(pins.profiles as Record<string, string>)[0]
}

/** Each record that the server has ever stored is another one. */
async function records(): Promise<string[]> {
  const rows = await server.database.query<{ opaque_record: string }>('SELECT opaque_record FROM accounts ORDER BY id')
  return rows.rows.map((row) => row.opaque_record)
}

async function loginLater(login: string, change: Partial<ReturnType<typeof later.nodePlatform>> = {}) {
  const platform = { ...later.nodePlatform({ home: await newHome() }), ...change }
  return later.Strongroom.login({ server: server.url, login, password: PASSWORD, deviceName: 'later', platform })
}

describe('a profile that a later version retires', () => {
  it('is replaced by the login, once, and the session and all other secrets go on', async () => {
    const login = await registered(RETIRED)
    expect(await profileOf(login)).toBe(RETIRED)
    const before = await records()
    const session = await loginLater(login)
    expect((await session.whoami()).login).toBe(login)
    expect((await session.audit()).map(({ event }) => event)).toContain('password_changed')
    await session.close()
    const after = await records()
    expect(after).not.toEqual(before)
    expect(await profileOf(login)).toBe('argon2id-64')
    await (await loginLater(login)).close()
    expect(await records()).toEqual(after)
  })

  it('is left where it is a choice that stands, or this device has no memory for another', async () => {
    const chosen = await registered('pbkdf2-600k')
    const small = await registered(RETIRED)
    const before = await records()
    await (await loginLater(chosen)).close()
    const platform = later.nodePlatform({ home: await newHome() })
    const tight = { ...platform.opaque, hasMemory: async (mebibytes: number) => mebibytes < 60 }
    await (await loginLater(small, { opaque: tight })).close()
    expect(await records()).toEqual(before)
  })

  it('is not made anew, by a change of the login name either', async () => {
    const login = await registered(RETIRED)
    const platform = later.nodePlatform({ home: await newHome() })
    // The login as this one would be after the change was lost: no upgrade happened yet.
    const tight = { ...platform.opaque, hasMemory: async (mebibytes: number) => mebibytes < 60 }
    const session = await loginLater(login, { opaque: tight })
    const asked = session.changePassword({ current: PASSWORD, next: PASSWORD, kdf: RETIRED })
    await expect(asked).rejects.toMatchObject({ code: 'usage' })
    await session.close()
  })

  it('stays where the change gets lost, and the login is none the worse', async () => {
    const login = await registered(RETIRED)
    const before = await records()
    const platform = later.nodePlatform({ home: await newHome() })
    const transport = async (url: string, request: TransportRequest) => {
      const isChange = new URL(url).pathname === '/v1/account/credentials' && request.method === 'POST'
      if (isChange) throw new later.ClientError('network', 'cut')
      return platform.transport(url, request)
    }
    const session = await loginLater(login, { transport })
    expect((await session.whoami()).login).toBe(login)
    await session.close()
    expect(await records()).toEqual(before)
  })

  it('is no way for a server to get a record under a key of its own', async () => {
    const login = await registered(RETIRED)
    const before = await records()
    const platform = later.nodePlatform({ home: await newHome() })
    const serverSetup = opaque.createSetup()
    const asked: string[] = []
    const transport = async (url: string, request: TransportRequest) => {
      const { pathname } = new URL(url)
      asked.push(`${request.method} ${pathname}`)
      const answer = await platform.transport(url, request)
      if (pathname !== '/v1/account/credentials/start') return answer
      const { request: registrationRequest } = JSON.parse(String(request.body)) as { request: string }
      const made = opaque.createRegistrationResponse({ serverSetup, userIdentifier: 'x', registrationRequest })
      const forged = new TextEncoder().encode(JSON.stringify({ response: made.registrationResponse }))
      return { ...answer, bytes: async () => forged }
    }
    const refused = loginLater(login, { transport })
    await expect(refused).rejects.toMatchObject({ code: 'integrity' })
    expect(asked).not.toContain('POST /v1/account/credentials')
    expect(await records()).toEqual(before)
  })

  it('cannot be named by a server: today none is retired, whatever it says', async () => {
    const login = await registered(RETIRED)
    const before = await records()
    const platform = nodePlatform({ home: await newHome() })
    const transport = async (url: string, request: TransportRequest) => {
      const answer = await platform.transport(url, request)
      if (new URL(url).pathname !== '/v1/info') return answer
      const info = JSON.parse(new TextDecoder().decode(await answer.bytes(2 ** 20))) as object
      const more = { ...info, retired: [RETIRED], profiles: { [RETIRED]: { retired: true, memory: 8 } } }
      return { ...answer, bytes: async () => new TextEncoder().encode(JSON.stringify(more)) }
    }
    const input = { server: server.url, login, password: PASSWORD, deviceName: 'today' }
    const opened = await Strongroom.login({ ...input, platform: { ...platform, transport } }).catch(
      (error: unknown) => {
        // An answer that the schema does not know may be refused as well.
        if (!(error instanceof ClientError)) throw error
        return null
      },
    )
    await opened?.close()
    expect(await records()).toEqual(before)
  })
})
