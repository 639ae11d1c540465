import { createHash, randomBytes } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClientError, type Platform, Strongroom } from '@strongroom/client'
import { fileSource, nodePlatform } from '@strongroom/client/node'
import { asAccountId, openAccountKey, SecretBytes, sessionKek, toHex } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSignedIn } from '../../../packages/client/src/session/profile-keys.ts'
import { openKeyFile } from '../../../packages/server/src/adapters/kms/key-file.ts'
import { outerKeys } from '../../../packages/server/src/domain/keys/outer-keys.ts'
import { openOuter } from '../../../packages/server/src/domain/keys/outer-layer.ts'
import { sessionHalfPlace } from '../../../packages/server/src/domain/keys/places.ts'
import { createTestServer, type TestServer } from '../../../packages/server/src/testing/test-server.ts'

const PASSWORD = 'correct horse battery staple 41'
const engine = nodeEngine()

let server: TestServer
let url: string
let folder: string
beforeAll(async () => {
  server = await createTestServer()
  await server.app.listen({ port: 0, host: '127.0.0.1' })
  url = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}` // It listens on a port.
  folder = await mkdtemp(join(tmpdir(), 'strongroom-stolen-'))
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const newHome = (): string => join(folder, randomBytes(6).toString('hex'))
const freshLogin = (): string => `user-${randomBytes(6).toString('hex')}`
const credentials = (login: string, platform: Platform) => ({
  server: url,
  login,
  password: PASSWORD,
  deviceName: 'a device',
  platform,
})

/** A device that has signed in, put a folder there and gone. */
async function registered(login: string): Promise<string> {
  const home = newHome()
  const platform = nodePlatform({ home })
  await using session = await Strongroom.register({ ...credentials(login, platform), onRecoveryKey: () => undefined })
  await session.drive.mkdir('/secret-folder')
  return home
}

async function copyOf(home: string): Promise<string> {
  const copy = newHome()
  await cp(home, copy, { recursive: true })
  return copy
}

/** What is seen by who resumes from a profile: the names, or the code of the error. */
async function seen(
  home: string,
  change: (platform: Platform) => Platform = (same) => same,
): Promise<string[] | string> {
  const platform = change(nodePlatform({ home }))
  try {
    const session = await Strongroom.resume(platform)
    if (session === null) return 'nobody'
    await using open = session
    return (await open.drive.list('/')).map(({ path }) => path)
  } catch (error) {
    if (error instanceof ClientError) return error.code
    throw error
  } finally {
    await platform.content.close()
  }
}

interface StoredProfile {
  version: number
  accountId: string
  token: string
  clientHalf: string
  envelope: string
}

async function profileIn(home: string): Promise<StoredProfile> {
  return JSON.parse(await readFile(join(home, 'profile.json'), 'utf8'))
}

const fromBase64 = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))

/** The account key from a stored profile, a database and a key service, without asking the server; null without one. */
async function openByHand(home: string, keys: TestServer['keys']): Promise<string | null> {
  const profile = await profileIn(home)
  const accountId = fromBase64(profile.accountId)
  const row = await server.database
    .selectFrom('session_halves')
    .innerJoin('sessions', 'sessions.id', 'session_halves.session_id')
    .select(['session_id', 'outer_version', 'sealed'])
    .where('token_hash', '=', createHash('sha256').update(fromBase64(profile.token)).digest())
    .executeTakeFirst()
  if (row === undefined) return null
  const outer = outerKeys({ ...server, keys })
  const key = await outer.version(accountId, row.outer_version)
  using half = SecretBytes.take(openOuter(key, sessionHalfPlace(accountId, row.session_id), row.sealed))
  using own = SecretBytes.take(fromBase64(profile.clientHalf))
  using kek = await sessionKek(engine, own, half)
  const place = { accountId: asAccountId(accountId), method: 3, version: 1 } as const
  using accountKey = await openAccountKey(engine, kek, place, fromBase64(profile.envelope))
  return accountKey.use(toHex)
}

async function accountKeyOf(home: string): Promise<string> {
  const signedIn = await openSignedIn(nodePlatform({ home }))
  if (signedIn === null) throw new Error('nobody is signed in')
  return signedIn.accountKey.use(toHex)
}

async function revokeOthers(login: string): Promise<void> {
  await using session = await Strongroom.login(credentials(login, nodePlatform({ home: newHome() })))
  expect(await session.revokeOtherSessions()).toBeGreaterThan(0)
}

describe('a stolen profile', () => {
  it('opens the account while its session lives, and nothing afterwards', async () => {
    const login = freshLogin()
    const home = await registered(login)
    const stolen = await copyOf(home)
    const accountKey = await accountKeyOf(home)
    expect(await seen(stolen)).toEqual(['/secret-folder'])
    expect(await openByHand(stolen, server.keys)).toBe(accountKey)

    await revokeOthers(login)
    expect(await seen(stolen)).toBe('authentication')
    expect(await seen(home)).toBe('authentication')
    // Nor for who runs the server, from now on.
    expect(await openByHand(stolen, server.keys)).toBeNull()
    for (const name of ['profile.json', 'pins.json', 'vault.cache']) {
      expect(Buffer.from(await readFile(join(stolen, name))).includes(Buffer.from(accountKey, 'hex')), name).toBe(false)
      expect((await readFile(join(stolen, name), 'latin1')).includes('secret-folder'), name).toBe(false)
    }
    // The device itself goes on after a login, with the pins that it had.
    const pins = await readFile(join(home, 'pins.json'), 'utf8')
    await using again = await Strongroom.login(credentials(login, nodePlatform({ home })))
    expect((await again.drive.list('/')).map(({ path }) => path)).toEqual(['/secret-folder'])
    expect(JSON.parse(await readFile(join(home, 'pins.json'), 'utf8')).servers).toEqual(JSON.parse(pins).servers)
  })

  it('opens nothing with the database, without the key service', async () => {
    const home = await registered(freshLogin())
    expect(await openByHand(home, server.keys)).toBe(await accountKeyOf(home))
    const foreign = await openKeyFile({ file: join(folder, 'foreign-keys.json'), clock: server.clock })
    await expect(openByHand(home, foreign)).rejects.toThrow()
    await foreign.close()
  })

  it('is no use with the half of another session', async () => {
    const login = freshLogin()
    const home = await registered(login)
    const other = newHome()
    await (await Strongroom.login(credentials(login, nodePlatform({ home: other })))).close()
    const [own, foreign] = [await profileIn(home), await profileIn(other)]
    const mixed = await copyOf(home)
    await writeFile(join(mixed, 'profile.json'), JSON.stringify({ ...own, token: foreign.token }))
    expect(await seen(mixed)).toBe('integrity')
  })
})

describe('a device', () => {
  it('stops when the server gives a wrong half, and goes on once it gives the right one', async () => {
    const home = await registered(freshLogin())
    const before = await readFile(join(home, 'profile.json'), 'utf8')
    const lying = (platform: Platform): Platform => ({
      ...platform,
      transport: async (target, request) => {
        const answer = await platform.transport(target, request)
        if (!target.endsWith('/v1/sessions/current/half')) return answer
        const body = new TextEncoder().encode(JSON.stringify({ serverHalf: randomBytes(32).toString('base64url') }))
        return { ...answer, status: 200, header: () => null, bytes: async () => body }
      },
    })
    expect(await seen(home, lying)).toBe('integrity')
    expect(await readFile(join(home, 'profile.json'), 'utf8')).toBe(before)
    expect(await seen(home)).toEqual(['/secret-folder'])
  })

  it('loses nothing when the server is away', async () => {
    const home = await registered(freshLogin())
    const before = await readFile(join(home, 'profile.json'), 'utf8')
    const away = (platform: Platform): Platform => ({
      ...platform,
      clock: { ...platform.clock, sleep: async () => undefined },
      transport: async () => {
        throw new ClientError('network', 'The server cannot be reached.')
      },
    })
    expect(await seen(home, away)).toBe('network')
    expect(await readFile(join(home, 'profile.json'), 'utf8')).toBe(before)
    expect(await seen(home)).toEqual(['/secret-folder'])
  })

  it('signs in again at a server that was set back to before its login', async () => {
    const login = freshLogin()
    const home = await registered(login)
    const { token } = await profileIn(home)
    await server.database
      .deleteFrom('sessions')
      .where('token_hash', '=', createHash('sha256').update(fromBase64(token)).digest())
      .execute()
    expect(await seen(home)).toBe('authentication')
    await (await Strongroom.login(credentials(login, nodePlatform({ home })))).close()
    expect(await seen(home)).toEqual(['/secret-folder'])
  })

  it('whose session is revoked in the middle of an upload goes on with it after the next login', async () => {
    const login = freshLogin()
    const home = await registered(login)
    const file = join(folder, 'large')
    await writeFile(file, randomBytes(40 * 1024 * 1024))
    let sent = 0
    let onPart = async (): Promise<void> => undefined
    const counting = (platform: Platform): Platform => ({
      ...platform,
      transport: async (target, request) => {
        const answer = await platform.transport(target, request)
        if (request.method === 'PUT' && target.includes('/v1/store/')) {
          sent += 1
          await onPart()
        }
        return answer
      },
    })
    const put = async (): Promise<void> => {
      const platform = counting(nodePlatform({ home }))
      await using session = await Strongroom.resume(platform)
      await session?.drive.put(await fileSource(file), '/large', { jobs: 1 })
    }
    onPart = async () => {
      if (sent === 3) await revokeOthers(login)
    }
    await expect(put()).rejects.toMatchObject({ code: 'authentication' })
    const first = sent
    await (await Strongroom.login(credentials(login, nodePlatform({ home })))).close()
    onPart = async () => undefined
    await put()
    expect(sent - first).toBeLessThan(6)
    expect(await seen(home)).toEqual(['/large', '/secret-folder'])
  })
})

describe('a profile from before there were halves', () => {
  /** The account key in the open, as version 1 had it. */
  async function toVersion1(home: string): Promise<void> {
    const accountKey = await accountKeyOf(home)
    const { clientHalf: _, envelope: __, ...rest } = await profileIn(home)
    const old = { ...rest, version: 1, accountKey: Buffer.from(accountKey, 'hex').toString('base64url') }
    await writeFile(join(home, 'profile.json'), JSON.stringify(old))
    await server.database.deleteFrom('session_halves').where('account_id', '=', fromBase64(rest.accountId)).execute()
  }

  it('is sealed at the next use, by whichever process comes first', async () => {
    const home = await registered(freshLogin())
    const accountKey = await accountKeyOf(home)
    await toVersion1(home)
    expect(await readFile(join(home, 'profile.json'), 'utf8')).toContain(
      Buffer.from(accountKey, 'hex').toString('base64url'),
    )
    const results = await Promise.all([seen(home), seen(home), seen(home)])
    expect(results).toEqual(Array.from({ length: 3 }, () => ['/secret-folder']))
    const sealed = await readFile(join(home, 'profile.json'), 'utf8')
    expect(sealed).toContain('"version":2')
    expect(sealed).not.toContain(Buffer.from(accountKey, 'hex').toString('base64url'))
    expect(await accountKeyOf(home)).toBe(accountKey)
    expect(await seen(home)).toEqual(['/secret-folder'])
  })

  it('is deleted when its session is over', async () => {
    const login = freshLogin()
    const home = await registered(login)
    await toVersion1(home)
    await revokeOthers(login)
    expect(await seen(home)).toBe('authentication')
    expect(await seen(home)).toBe('nobody')
    expect(JSON.parse(await readFile(join(home, 'pins.json'), 'utf8')).version).toBe(1)
  })
})
