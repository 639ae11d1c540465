import {
  ClientError,
  checkRecoveryKey,
  KDF_PROFILES,
  type KdfProfile,
  type Platform,
  type Session,
  Strongroom,
} from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, freshLogin, newHome } from '../sdk/sdk.ts'

const OLD = 'correct horse battery staple 41'
const NEW = 'a very different password 17'

let server: DevServer
beforeAll(async () => {
  server = await startDevServer({ env: { LOGIN_ATTEMPTS_PER_MINUTE: '10000' } })
})
afterAll(() => server?.stop())

interface Device {
  readonly platform: Platform
  readonly login: string
  readonly session: Session
  readonly recoveryKey: string
}

const freshPlatform = async (): Promise<Platform> => nodePlatform({ home: await newHome() })

async function register(kdf?: KdfProfile, change: (platform: Platform) => Platform = (same) => same): Promise<Device> {
  const platform = change(await freshPlatform())
  const login = freshLogin()
  let recoveryKey = ''
  const onRecoveryKey = (text: string): void => {
    recoveryKey = text
  }
  const common = { server: server.url, login, password: OLD, deviceName: 'first', platform }
  const session = await Strongroom.register({ ...common, onRecoveryKey, kdf })
  return { platform, login, session, recoveryKey }
}

const login = async (name: string, password: string, platform?: Platform): Promise<Session> =>
  Strongroom.login({
    server: server.url,
    login: name,
    password,
    deviceName: 'other',
    platform: platform ?? (await freshPlatform()),
  })

/** How an attempt ends: `ok`, or the code of its error and the reason in its details. */
async function outcome(task: () => Promise<unknown>): Promise<string> {
  try {
    const value = await task()
    if (typeof value === 'object' && value !== null && 'close' in value) await (value as Session).close()
    return 'ok'
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    const { reason } = error.details
    return typeof reason === 'string' ? `${error.code} ${reason}` : error.code
  }
}

/** A platform whose transport loses one POST to a path, or the answer to it. */
function losing(platform: Platform, path: string, when: 'before' | 'after'): Platform {
  let left = 1
  return {
    ...platform,
    async transport(url, request) {
      const hit = new URL(url).pathname === path && request.method === 'POST' && left > 0
      if (hit) left -= 1
      if (hit && when === 'before') throw new ClientError('network', 'lost')
      const answer = await platform.transport(url, request)
      if (hit) throw new ClientError('network', 'lost')
      return answer
    },
  }
}

describe('a change of the password', () => {
  it('locks the old one out everywhere, and what was stored opens with the new one', async () => {
    const { session, platform, login: name } = await register()
    const data = new Uint8Array(1000).fill(7)
    await session.drive.put(bytesSource(data), '/kept.bin')
    const otherPlatform = await freshPlatform()
    const other = await login(name, OLD, otherPlatform)
    await session.changePassword({ current: OLD, next: NEW })
    expect(await outcome(() => other.whoami())).toBe('authentication')
    await other.close()
    expect(await outcome(() => Strongroom.resume(otherPlatform))).toBe('authentication')
    expect(await outcome(() => login(name, OLD))).toBe('authentication')
    expect((await session.whoami()).login).toBe(name)
    const again = await login(name, NEW, otherPlatform)
    const sink = bytesSink()
    await again.drive.get('/kept.bin', sink)
    expect(sink.bytes()).toEqual(data)
    await again.close()
    await session.close()
    const resumed = await Strongroom.resume(platform)
    expect((await resumed?.whoami())?.login).toBe(name)
    await resumed?.close()
  })

  it('needs the current password, and tells so before anything is sent', async () => {
    const { session, login: name } = await register()
    expect(await outcome(() => session.changePassword({ current: 'wrong', next: NEW }))).toBe('authentication')
    expect(await outcome(() => session.changePassword({ current: OLD, next: '' }))).toBe('usage')
    expect(await outcome(() => login(name, OLD))).toBe('ok')
    await session.close()
  })

  it('ends with one secret that counts when an answer is lost, and knows which', async () => {
    for (const when of ['before', 'after'] as const) {
      const { session, login: name } = await register(undefined, (platform) =>
        losing(platform, '/v1/account/credentials', when),
      )
      const result = await outcome(() => session.changePassword({ current: OLD, next: NEW }))
      expect(result).toBe(when === 'before' ? 'network not_changed' : 'ok')
      expect(await outcome(() => login(name, NEW))).toBe(when === 'before' ? 'authentication' : 'ok')
      expect(await outcome(() => login(name, OLD))).toBe(when === 'before' ? 'ok' : 'authentication')
      await session.close()
    }
  })
})

describe('a change of the login name', () => {
  it('signs in under the new name only, and keeps this device signed in under it', async () => {
    const { session, platform, login: name } = await register()
    const renamed = freshLogin()
    await session.changeLogin({ password: OLD, login: renamed.toUpperCase() })
    expect(session.identity.login).toBe(renamed)
    await session.close()
    const resumed = await Strongroom.resume(platform)
    expect(resumed?.identity.login).toBe(renamed)
    await resumed?.changePassword({ current: OLD, next: NEW })
    await resumed?.close()
    expect(await outcome(() => login(name, OLD))).toBe('authentication')
    expect(await outcome(() => login(renamed, NEW))).toBe('ok')
  })
})

describe('profiles', () => {
  it.each(KDF_PROFILES)('%s is found by a device that has never seen the account', async (kdf) => {
    const { session, login: name, platform } = await register(kdf)
    await session.close()
    expect(await outcome(() => login(name, OLD))).toBe('ok')
    expect(await outcome(() => login(name, NEW))).toBe('authentication')
    expect(await profilesOf(platform)).toEqual([kdf])
  })

  it('that were chosen stay at a change of password and login name, until another is asked for', async () => {
    const { session, platform, login: name } = await register('argon2id-32')
    await session.changePassword({ current: OLD, next: NEW })
    expect(await profilesOf(platform)).toEqual(['argon2id-32'])
    await session.changePassword({ current: NEW, next: NEW, kdf: 'pbkdf2-600k' })
    expect(await profilesOf(platform)).toEqual(['pbkdf2-600k'])
    const renamed = freshLogin()
    await session.changeLogin({ password: NEW, login: renamed })
    expect(await profilesOf(platform)).toEqual(['pbkdf2-600k', 'pbkdf2-600k'])
    await session.close()
    expect(await outcome(() => login(renamed, NEW))).toBe('ok')
    expect(await outcome(() => login(name, NEW))).toBe('authentication')
  })

  it('need the memory that a device has: less is chosen there, and a login that lacks it says so', async () => {
    const small = (platform: Platform): Platform => {
      const hasMemory = async (mebibytes: number): Promise<boolean> => mebibytes < 64
      return { ...platform, opaque: { ...platform.opaque, hasMemory } }
    }
    const { session, platform, login: name } = await register(undefined, small)
    expect(await profilesOf(platform)).toEqual(['argon2id-32'])
    await session.close()
    expect(await outcome(() => login(name, OLD))).toBe('ok')
    expect(await outcome(() => register('argon2id-64', small))).toBe('usage')
    const large = await register('argon2id-64')
    await large.session.close()
    const home = small(await freshPlatform())
    expect(await outcome(() => login(large.login, OLD, home))).toBe('authentication little_memory')
  })

  it('are tried in the order in which this device knows them, with as few messages as that takes', async () => {
    const starts: string[] = []
    const counting = (platform: Platform): Platform => ({
      ...platform,
      transport: (url, request) => {
        if (url.endsWith('/v1/login/start')) starts.push(url)
        return platform.transport(url, request)
      },
    })
    for (const [kdf, first, again] of [
      ['argon2id-32', 1, 1],
      ['pbkdf2-600k', 2, 1],
    ] as const) {
      const { session, login: name } = await register(kdf)
      await session.close()
      const platform = counting(await freshPlatform())
      for (const expected of [first, again]) {
        starts.length = 0
        expect(await outcome(() => login(name, OLD, platform))).toBe('ok')
        expect(starts.length).toBe(expected)
      }
    }
  })
})

async function profilesOf(platform: Platform): Promise<string[]> {
  const bytes = await platform.store.load('pins')
  const pins = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())) as { profiles: Record<string, string> }
  return Object.values(pins.profiles)
}

describe('the recovery key', () => {
  const recover = async (
    name: string,
    recoveryKey: string,
    platform?: Platform,
    onRecoveryKey: (text: string) => void = () => undefined,
  ): Promise<Session> =>
    Strongroom.recover({
      server: server.url,
      login: name,
      recoveryKey,
      newPassword: NEW,
      deviceName: 'recovered',
      platform: platform ?? (await freshPlatform()),
      onRecoveryKey,
    })

  it('can be tested, and says which groups are mistyped', async () => {
    const { session, recoveryKey } = await register()
    const other = await register()
    expect(await session.testRecoveryKey(recoveryKey.toLowerCase())).toBe(true)
    expect(await session.testRecoveryKey(other.recoveryKey)).toBe(false)
    const groups = recoveryKey.split('-')
    groups[2] = `${groups[2]?.startsWith('2') ? '3' : '2'}${groups[2]?.slice(1)}`
    const mistyped = groups.join('-')
    expect(() => checkRecoveryKey(mistyped)).toThrow('group 3')
    expect(await outcome(() => session.testRecoveryKey(mistyped))).toBe('usage recovery_key_mistyped')
    await session.close()
    await other.session.close()
  })

  it('lets in who lost the password, once: then there is a new one', async () => {
    const { session, platform, login: name, recoveryKey } = await register()
    await session.drive.put(bytesSource(new Uint8Array([1, 2, 3])), '/kept.bin')
    await session.close()
    let next = ''
    const recovered = await recover(name, recoveryKey, undefined, (text) => {
      next = text
    })
    const sink = bytesSink()
    await recovered.drive.get('/kept.bin', sink)
    expect(sink.bytes()).toEqual(new Uint8Array([1, 2, 3]))
    expect(await recovered.testRecoveryKey(recoveryKey)).toBe(false)
    expect(await recovered.testRecoveryKey(next)).toBe(true)
    await recovered.close()
    expect(await outcome(() => Strongroom.resume(platform))).toBe('authentication')
    expect(await outcome(() => login(name, OLD))).toBe('authentication')
    expect(await outcome(() => recover(name, recoveryKey))).toBe('authentication')
    expect(await outcome(() => recover('nobody-here', recoveryKey))).toBe('authentication')
    expect(await outcome(() => login(name, NEW, platform))).toBe('ok')
    expect(await outcome(() => recover(name, next))).toBe('ok')
  })

  it('is replaced only once the new one is safe', async () => {
    const { session, login: name, recoveryKey } = await register()
    const refusal = new Error('no paper')
    const replace = (onRecoveryKey: (text: string) => void) =>
      session.replaceRecoveryKey({ password: OLD, onRecoveryKey })
    await expect(
      replace(() => {
        throw refusal
      }),
    ).rejects.toBe(refusal)
    expect(await session.testRecoveryKey(recoveryKey)).toBe(true)
    let next = ''
    await replace((text) => {
      next = text
    })
    expect(await session.testRecoveryKey(recoveryKey)).toBe(false)
    expect(await session.testRecoveryKey(next)).toBe(true)
    await session.close()
    expect(await outcome(() => recover(name, recoveryKey))).toBe('authentication')
    expect(await outcome(() => recover(name, next))).toBe('ok')
  })

  it('is the old or the new one when an answer is lost, and the client knows which', async () => {
    for (const when of ['before', 'after'] as const) {
      const { session, login: name, recoveryKey } = await register()
      await session.close()
      let next = ''
      const platform = losing(await freshPlatform(), '/v1/recovery/finish', when)
      const result = await outcome(() =>
        recover(name, recoveryKey, platform, (text) => {
          next = text
        }),
      )
      expect(result).toBe(when === 'before' ? 'network not_changed' : 'ok')
      expect(await outcome(() => login(name, OLD))).toBe(when === 'before' ? 'ok' : 'authentication')
      expect(await outcome(() => recover(name, when === 'before' ? recoveryKey : next))).toBe('ok')
    }
  })
})
