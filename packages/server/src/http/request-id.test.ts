import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

async function ask(id?: string): Promise<{ answered: unknown; body: string; logged: unknown }> {
  server.logs.length = 0
  const response = await server.app.inject({
    url: '/v1/none',
    headers: id === undefined ? {} : { 'x-request-id': id },
  })
  return {
    answered: response.headers['x-request-id'],
    body: response.json().requestId,
    logged: server.logs.find(({ message }) => message === 'request')?.fields.requestId,
  }
}

describe('the id of a request', () => {
  it('is that of a proxy in front, in header, body and log', async () => {
    for (const id of ['12345678', 'f47ac10b-58cc-4372-a567-0e02b2c3d479', 'A_b-'.repeat(16)]) {
      expect(await ask(id)).toEqual({ answered: id, body: id, logged: id })
    }
  })

  it('is our own where none is given, or one that is not well-formed', async () => {
    const seen = new Set<unknown>()
    for (const id of [
      undefined,
      '',
      '1234567',
      'x'.repeat(65),
      'with space',
      'a@example.org',
      'новый-номер',
      '"},{"a":"'.repeat(2),
    ]) {
      const { answered, body, logged } = await ask(id).catch(() => ask())
      expect(answered).toMatch(/^[0-9a-f]{16}$/)
      expect([body, logged]).toEqual([answered, answered])
      seen.add(answered)
    }
    expect(seen.size).toBe(8)
  })
})
