import { randomBytes } from 'node:crypto'
import { ERRORS, encodeBytes, ROUTES, type Route } from '@strongroom/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registerAccount, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let ann: TestAccount
beforeAll(async () => {
  server = await createTestServer()
  ann = await registerAccount(server)
})
afterAll(() => server.close())

const bearer = () => ({ authorization: `Bearer ${encodeBytes(ann.token)}` })
const someUrl = (route: Route) => route.path.replaceAll(/:\w+/g, encodeBytes(new Uint8Array(16)))

describe('every answer', () => {
  it('carries the security headers, whatever is asked', async () => {
    const asked = [
      { method: 'GET', url: '/' },
      { method: 'GET', url: '/v1/info' },
      { method: 'GET', url: '/nowhere' },
      { method: 'GET', url: '/v1/%ff' },
      { method: 'DELETE', url: '/v1/info' },
      { method: 'POST', url: '/v1/login/start', payload: '{' },
      { method: 'GET', url: '/v1/account' },
      { method: 'PUT', url: '/v1/store/parts' },
    ] as const
    for (const request of asked) {
      const { headers } = await server.app.inject(request)
      const where = `${request.method} ${request.url}`
      expect(headers['content-security-policy'], where).toMatch(/^default-src 'none'; .*frame-ancestors 'none'/)
      expect(headers['x-content-type-options'], where).toBe('nosniff')
      expect(headers['referrer-policy'], where).toBe('no-referrer')
      expect(headers['x-frame-options'], where).toBe('DENY')
      expect(headers['cache-control'], where).toBe('no-store')
      expect(headers['x-request-id'], where).toMatch(/^[0-9a-f]{16}$/)
      expect(headers['x-powered-by'], where).toBeUndefined()
    }
  })

  it('of an error has the body of the catalogue and no more', async () => {
    for (const url of ['/nowhere', '/v1/%ff', '/v1/account', `/v1/vaults/${'a'.repeat(300)}/head`]) {
      const answer = await server.app.inject({ method: 'GET', url })
      const { code, message, requestId, details: _, ...rest } = answer.json()
      expect(ERRORS).toHaveProperty(code)
      expect(answer.statusCode).toBe(ERRORS[code as keyof typeof ERRORS].status)
      expect(message).toBe(ERRORS[code as keyof typeof ERRORS].advice)
      expect(requestId).toBe(answer.headers['x-request-id'])
      expect(rest).toEqual({})
    }
  })
})

describe('methods', () => {
  it('that a path does not take answer 405 with Allow, before session and body', async () => {
    for (const route of Object.values<Route>(ROUTES)) {
      const others = Object.values<Route>(ROUTES).filter((other) => other.path === route.path)
      for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST', 'GET'] as const) {
        if (others.some((other) => other.method === method)) continue
        const answer = await server.app.inject({ method, url: someUrl(route), payload: 'not json' })
        expect([answer.statusCode, answer.json().code], `${method} ${route.path}`).toEqual([405, 'method_not_allowed'])
        for (const other of others) expect(answer.headers.allow).toContain(other.method)
      }
    }
  })

  it('HEAD is answered where GET is', async () => {
    expect((await server.app.inject({ method: 'HEAD', url: '/v1/info' })).statusCode).toBe(200)
    expect((await server.app.inject({ method: 'HEAD', url: '/v1/login/start' })).statusCode).toBe(405)
  })
})

describe('bodies', () => {
  const post = (payload: string, headers: Record<string, string> = {}) =>
    server.app.inject({
      method: 'POST',
      url: '/v1/login/start',
      headers: { 'content-type': 'application/json', ...headers },
      payload,
    })

  it('that are not the JSON of the route are bad requests', async () => {
    const bodies = ['', '{', 'null', '[]', '1', '"x"', '{}', '{"login":1,"request":"AAAA"}', '{"login":"a"}']
    bodies.push('{"login":"ann","request":"AAAA","more":1}', '{"login":"ann","request":"A A"}')
    bodies.push('{"login":"ann","request":"AAAA","__proto__":{"x":1}}', '{"login":"a\\u0000","request":"AAAA"}')
    bodies.push(`{"login":"${'a'.repeat(255)}","request":"AAAA"}`)
    for (const body of bodies) {
      const answer = await post(body)
      expect([answer.statusCode, answer.json().code], body).toEqual([400, 'bad_request'])
      expect(answer.body).not.toMatch(/stack|node_modules|Unexpected/)
    }
  })

  it('of another type are refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'x']) {
      const answer = await post('{"login":"ann","request":"AAAA"}', { 'content-type': type })
      expect([answer.statusCode, answer.json().code], type).toEqual([415, 'unsupported_media_type'])
    }
  })

  it('that are too large are refused, announced or not', async () => {
    const answer = await post(`{"login":"ann","request":"${'A'.repeat(70_000)}"}`)
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'payload_too_large'])
  })

  it('are not read for who has no session', async () => {
    const answer = await server.app.inject({ method: 'POST', url: '/v1/blobs', payload: '{ this is not JSON' })
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'unauthenticated'])
  })

  it('with ids that are no ids name the place and never the value', async () => {
    const answer = await server.app.inject({
      method: 'POST',
      url: '/v1/blobs/open',
      headers: bearer(),
      payload: { vaultId: 'c2VjcmV0', blobIds: [] },
    })
    expect(answer.json()).toMatchObject({ code: 'bad_request', details: { path: 'body.vaultId' } })
    expect(answer.body).not.toContain('c2VjcmV0')
  })

  it('where the route takes none are bad requests', async () => {
    const answer = await server.app.inject({ method: 'POST', url: '/v1/logout', headers: bearer(), payload: { x: 1 } })
    expect(answer.statusCode).toBe(400)
  })

  it('with random bytes never make the server fail', async () => {
    for (const route of Object.values<Route>(ROUTES)) {
      if (route.method !== 'POST' || route.name === 'logout') continue
      for (const payload of [randomBytes(200), Buffer.from(JSON.stringify({ blobs: [{}], parts: [[]] }))]) {
        const headers = { ...bearer(), 'content-type': 'application/json' }
        const answer = await server.app.inject({ method: 'POST', url: someUrl(route), headers, payload })
        expect(answer.statusCode, route.name).toBe(400)
      }
    }
  })
})

describe('query and path', () => {
  it('that do not match are bad requests', async () => {
    const vault = encodeBytes(ann.state.vaultId)
    const get = async (url: string) => (await server.app.inject({ method: 'GET', url, headers: bearer() })).statusCode
    expect(await get(`/v1/vaults/${vault}/commits?from=0`)).toBe(200)
    for (const query of [
      '',
      '?from=-1',
      '?from=x',
      '?from=0&limit=0',
      '?from=0&limit=1001',
      '?from=0&more=1',
      '?from=1e400',
    ]) {
      expect(await get(`/v1/vaults/${vault}/commits${query}`), query).toBe(400)
    }
    expect(await get('/v1/vaults/short/head')).toBe(400)
    expect(await get(`/v1/vaults/${vault}/head/`)).toBe(404)
  })
})

describe('origins', () => {
  it('other than the server’s own are refused, also before a session is looked at', async () => {
    const ask = (origin: string, host = 'localhost:80') =>
      server.app.inject({ method: 'GET', url: '/v1/info', headers: { origin, host } })
    expect((await ask('http://localhost:80')).statusCode).toBe(200)
    for (const origin of ['https://evil.example', 'null', 'http://localhost:8080']) {
      const answer = await ask(origin)
      expect([answer.statusCode, answer.json().code], origin).toEqual([403, 'forbidden'])
    }
  })

  it('are compared with PUBLIC_URL where it is set', async () => {
    const behind = await createTestServer({ publicUrl: 'https://files.example.org' })
    try {
      const ask = (origin: string) => behind.app.inject({ method: 'GET', url: '/v1/info', headers: { origin } })
      const own = await ask('https://files.example.org')
      expect(own.statusCode).toBe(200)
      expect(own.headers['strict-transport-security']).toMatch(/^max-age=/)
      expect((await ask('http://files.example.org')).statusCode).toBe(403)
      expect((await ask('http://localhost')).statusCode).toBe(403)
    } finally {
      await behind.close()
    }
  })
})

describe('logs', () => {
  it('hold pattern, method, status and time of a request, and nothing of its content', async () => {
    server.logs.length = 0
    const vault = encodeBytes(ann.state.vaultId)
    await server.app.inject({ method: 'GET', url: `/v1/vaults/${vault}/commits?from=0`, headers: bearer() })
    await server.app.inject({ method: 'GET', url: `/secret-path-${vault}?token=x` })
    expect(server.logs.map((line) => line.fields)).toMatchObject([
      { method: 'GET', route: '/v1/vaults/:vaultId/commits', status: 200 },
      { method: 'GET', route: 'none', status: 404 },
    ])
    const text = JSON.stringify(server.logs)
    for (const secret of [vault, encodeBytes(ann.token), 'secret-path', 'token', ann.login, '127.0.0.1']) {
      expect(text).not.toContain(secret)
    }
  })
})

describe('start page and health', () => {
  it('tell how to begin, and that the server lives and is ready', async () => {
    const page = await server.app.inject({ method: 'GET', url: '/', headers: { host: 'a"><script>' } })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.body).toContain('strongroom register')
    expect(page.body).not.toContain('<script>')
    expect((await server.app.inject({ method: 'GET', url: '/healthz' })).json()).toEqual({ status: 'ok' })
    expect((await server.app.inject({ method: 'GET', url: '/readyz' })).json()).toEqual({ status: 'ready' })
  })
})
