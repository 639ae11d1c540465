import { randomBytes } from 'node:crypto'
import { encodeBytes, ROUTES, type RouteName, SESSION_HEADER } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../testing/api.ts'
import { registerAccount, startLogin, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const ORIGIN = 'http://localhost:80'
const SECURE_ORIGIN = 'https://drive.example.org'
const PROBE = '__Host-strongroom-probe=1'
const wanted = { [SESSION_HEADER]: 'cookie' }

let server: TestServer
let secure: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  secure = await createTestServer({ beside: server, publicUrl: SECURE_ORIGIN })
  ann = await registerAccount(server)
})
afterAll(async () => {
  await secure.close()
  await server.close()
})

interface Signed {
  readonly name: string
  /** As the browser keeps and sends it. */
  readonly cookie: string
  readonly setCookie: string
}

const cookiesSet = (headers: Readonly<Record<string, unknown>>): string[] =>
  [headers['set-cookie'] ?? []].flat() as string[]

/** Signs in as a page does. */
async function signIn(
  at: TestServer = server,
  more: Record<string, string> = { origin: ORIGIN, cookie: PROBE },
): Promise<Signed & { code: string }> {
  const { loginId, finishLoginRequest } = await startLogin(at, ann.login, ann.password)
  const body = { loginId, request: finishLoginRequest ?? '' }
  const answer = await ask(at.app, 'loginFinish', { body, headers: { ...wanted, ...more } })
  if (answer.code !== 'ok') return { name: '', cookie: '', setCookie: '', code: answer.code }
  const value = answer.value()
  if (!('token' in value)) throw new Error('no session')
  const name = encodeBytes(value.token)
  const setCookie = cookiesSet(answer.headers).find((each) => each.includes(name)) ?? ''
  return { name, setCookie, cookie: setCookie.split(';')[0] ?? '', code: 'ok' }
}

const headersOf = ({ name, cookie }: Signed) => ({ [SESSION_HEADER]: name, cookie })

describe('a session in a cookie', () => {
  it('is set so that no script, other host or other site gets it, and the answer holds no secret', async () => {
    const { name, cookie, setCookie } = await signIn()
    expect(setCookie).toMatch(/^__Host-strongroom-[\w-]{43}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/)
    expect(cookie.split('=')[1]).not.toBe(name)
    const bearer = { authorization: `Bearer ${name}` }
    expect((await ask(server.app, 'account', { headers: bearer })).code).toBe('session_expired')
    expect((await ask(server.app, 'account', { headers: headersOf({ name, cookie, setCookie }) })).code).toBe('ok')
  })

  it('is made by every route that begins one, and by none unless asked', async () => {
    const { loginId, finishLoginRequest } = await startLogin(server, ann.login, ann.password)
    const answer = await ask(server.app, 'loginFinish', { body: { loginId, request: finishLoginRequest ?? '' } })
    expect(answer.headers['set-cookie']).toBeUndefined()
    const begins = (Object.keys(ROUTES) as RouteName[]).filter((name) =>
      JSON.stringify(ROUTES[name].response.safeParse({}).error?.issues ?? []).includes('"token"'),
    )
    expect(begins.sort()).toEqual(['loginFinish', 'loginSecondFactor', 'recoveryFinish', 'registerFinish'])
  })

  it('counts only for a request that names it', async () => {
    const one = await signIn()
    const other = await signIn()
    expect((await ask(server.app, 'account', { headers: { cookie: one.cookie } })).code).toBe('unauthenticated')
    const crossed = { [SESSION_HEADER]: one.name, cookie: other.cookie }
    expect((await ask(server.app, 'account', { headers: crossed })).code).toBe('unauthenticated')
    const both = { [SESSION_HEADER]: other.name, cookie: `${one.cookie}; ${other.cookie}` }
    const { sessions } = (await ask(server.app, 'sessionsList', { headers: both })).value()
    expect(sessions.filter(({ current }) => current).length).toBe(1)
    for (const name of ['x', encodeBytes(randomBytes(31)), `${other.name}=`]) {
      const odd = { [SESSION_HEADER]: name, cookie: other.cookie }
      expect((await ask(server.app, 'account', { headers: odd })).code).toBe('session_expired')
    }
  })

  it('changes nothing for a request without an Origin, of another one, or of another site', async () => {
    const signed = await signIn()
    const named = headersOf(signed)
    const code = async (headers: Record<string, string>) =>
      (await ask(server.app, 'recoveryTested', { headers: { ...named, ...headers } })).code
    expect(await code({})).toBe('forbidden')
    expect(await code({ origin: 'https://evil.example' })).toBe('forbidden')
    expect(await code({ origin: 'null' })).toBe('forbidden')
    expect(await code({ origin: ORIGIN, 'sec-fetch-site': 'cross-site' })).toBe('forbidden')
    expect(await code({ origin: ORIGIN, 'sec-fetch-site': 'same-origin' })).toBe('ok')
    const read = { ...named, 'sec-fetch-site': 'same-site' }
    expect((await ask(server.app, 'account', { headers: read })).code).toBe('forbidden')
  })

  it('is not begun for a request without an Origin', async () => {
    expect((await signIn(server, { cookie: PROBE })).code).toBe('forbidden')
    expect((await signIn(server, { origin: 'https://evil.example' })).code).toBe('forbidden')
  })

  it('is taken away when it ends, by itself or from elsewhere', async () => {
    const own = await signIn()
    const out = await ask(server.app, 'logout', { headers: { ...headersOf(own), origin: ORIGIN } })
    expect(out.code).toBe('ok')
    expect(cookiesSet(out.headers)).toEqual([
      `${own.cookie.split('=')[0]}=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict; Secure`,
    ])
    const revoked = await signIn()
    await ask(server.app, 'sessionsRevokeOthers', { token: ann.token })
    const answer = await ask(server.app, 'account', { headers: headersOf(revoked) })
    expect(answer.code).toBe('session_expired')
    expect(cookiesSet(answer.headers)[0]).toMatch(/=; Max-Age=0;/)
  })

  it('goes without Secure where a browser takes none over the loopback, and never over HTTPS', async () => {
    const plain = await signIn(server, { origin: ORIGIN })
    expect(plain.setCookie).toMatch(/^strongroom-[\w-]{43}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect((await ask(server.app, 'account', { headers: headersOf(plain) })).code).toBe('ok')
    expect((await ask(secure.app, 'account', { headers: headersOf(plain) })).code).toBe('unauthenticated')
    const safe = await signIn(secure, { origin: SECURE_ORIGIN })
    expect(safe.setCookie).toMatch(/^__Host-.*; Secure$/)
    const probe = await server.app.inject({ url: '/v1/info', headers: wanted })
    expect(probe.headers['set-cookie']).toMatch(/^__Host-strongroom-probe=1;.*; Secure$/)
    expect((await secure.app.inject({ url: '/v1/info', headers: wanted })).headers['set-cookie']).toBeUndefined()
    expect((await server.app.inject({ url: '/v1/info' })).headers['set-cookie']).toBeUndefined()
  })

  it('pushes the oldest of many out of the browser', async () => {
    const old = Array.from({ length: 25 }, () => `__Host-strongroom-${encodeBytes(randomBytes(32))}=x`)
    const { loginId, finishLoginRequest } = await startLogin(server, ann.login, ann.password)
    const headers = { ...wanted, origin: ORIGIN, cookie: [PROBE, ...old].join('; ') }
    const body = { loginId, request: finishLoginRequest ?? '' }
    const answer = await ask(server.app, 'loginFinish', { body, headers })
    const ended = cookiesSet(answer.headers).filter((each) => each.includes('Max-Age=0'))
    expect(ended.map((each) => each.split('=')[0])).toEqual(old.slice(0, 6).map((each) => each.split('=')[0]))
  })
})
