import { describe, expect, it } from 'vitest'
import type { Clock, Transport, TransportResponse } from '../ports.ts'
import { ApiFailure, apiCode, createApi, normaliseServer } from './api.ts'

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

/** Answers that the real server gives only when it is down, in the order asked for. */
function scripted(answers: readonly Answer[]) {
  const slept: number[] = []
  const urls: string[] = []
  const left = [...answers]
  const clock: Clock = {
    nowMs: () => 0,
    async sleep(ms) {
      slept.push(ms)
    },
  }
  const transport: Transport = async (url): Promise<TransportResponse> => {
    urls.push(url)
    const answer = left.shift()
    if (answer === undefined) throw new Error('asked too often')
    return {
      status: answer.status,
      header: (name) => answer.headers?.[name] ?? null,
      bytes: async () => new TextEncoder().encode(JSON.stringify(answer.body)),
    }
  }
  const api = createApi({ server: 'https://s', transport, clock, random: () => 0, token: () => 'token' })
  return { api, slept, urls }
}

const down = { code: 'unavailable', message: 'down', requestId: 'r1' }
const info = {
  protocolVersions: [1],
  opaquePublicKey: 'A'.repeat(43),
  receiptKey: 'A'.repeat(43),
  registration: 'open',
  storeOrigins: [],
  timeMs: 1,
}

describe('createApi', () => {
  it('waits as long as the server asks, then tries again', async () => {
    const { api, slept } = scripted([
      { status: 503, body: down, headers: { 'retry-after': '2' } },
      { status: 429, body: { ...down, code: 'too_many_requests' }, headers: { 'retry-after': '1' } },
      { status: 200, body: info },
    ])
    expect((await api.call('info', {})).registration).toBe('open')
    expect(slept).toEqual([2000, 1000])
  })

  it('does not repeat what could be done twice', async () => {
    const { api, urls } = scripted([{ status: 503, body: down }])
    await expect(api.call('info', { retry: false })).rejects.toMatchObject({ code: 'network' })
    expect(urls).toHaveLength(1)
  })

  it.each([
    [401, 'session_expired', 'authentication'],
    [404, 'not_found', 'not_found'],
    [507, 'quota_exceeded', 'quota'],
    [426, 'upgrade_required', 'upgrade_required'],
    [500, 'internal', 'server'],
    [418, 'teapot', 'server'],
  ])('turns %d %s into %s, with the request id', async (status, code, expected) => {
    const { api } = scripted([{ status, body: { code, message: 'secret text', requestId: 'r7' } }])
    const error = await api.call('info', {}).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: expected, details: { requestId: 'r7', status }, cause: expect.any(ApiFailure) })
    expect(apiCode(error)).toBe(code)
    expect(String(error)).not.toContain('secret text')
  })

  it.each([
    [400, 'bad_request'],
    [405, 'method_not_allowed'],
    [415, 'unsupported_media_type'],
  ])('takes %d %s for a sign of another version', async (status, code) => {
    const { api } = scripted([{ status, body: { code, message: 'text', requestId: 'r7' } }])
    await expect(api.call('info', {})).rejects.toThrow('older than the other')
  })

  it.each([{}, 'text', null, { ...info, opaquePublicKey: 'short' }])('refuses %j as an answer', async (body) => {
    const { api } = scripted([{ status: 200, body }])
    await expect(api.call('info', {})).rejects.toMatchObject({ code: 'server' })
  })

  it('takes a redirect inside a session, and more than the protocol allows, for tampering', async () => {
    const { api } = scripted([
      { status: 302, body: null, headers: { location: 'https://elsewhere' } },
      { status: 200, body: { ...info, storeOrigins: [], timeMs: 1e300 } },
    ])
    await expect(api.call('logout', {})).rejects.toMatchObject({
      code: 'integrity',
      details: { reason: 'redirected' },
    })
    await expect(api.call('info', {})).rejects.toMatchObject({ code: 'integrity' })
  })

  it('takes a redirect for no answer', async () => {
    const { api, urls } = scripted([{ status: 302, body: {}, headers: { location: 'https://elsewhere/' } }])
    await expect(api.call('info', {})).rejects.toMatchObject({ code: 'server' })
    expect(urls).toEqual(['https://s/v1/info'])
  })
})

describe('normaliseServer', () => {
  it('keeps origin and path', () => {
    expect(normaliseServer('https://Files.Example.org/')).toBe('https://files.example.org')
    expect(normaliseServer('http://localhost:8080/strong/room//')).toBe('http://localhost:8080/strong/room')
  })

  it.each(['', 'files.example.org', 'ftp://x', 'https://u:p@x', 'https://x/?a', 'https://x/#a'])(
    'refuses %j',
    (text) => {
      expect(() => normaliseServer(text)).toThrow(expect.objectContaining({ code: 'usage' }))
    },
  )
})
