import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { removeEnded } from './housekeeping.ts'
import { countAttempt, forgiveAttempts } from './rate-limit.ts'

const limit = { name: 'test', points: 5, windowMs: 60_000 }

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

describe('rate limits', () => {
  it('count racing attempts each', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => countAttempt(server, limit, 'racing')))
    expect(attempts.filter((attempt) => attempt.status === 'fulfilled').length).toBe(5)
  })

  it('say when to come back, and let come back then', async () => {
    for (let times = 0; times < 5; times += 1) await countAttempt(server, limit, 'patient')
    const refused = await countAttempt(server, limit, 'patient').catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'too_many_requests' })
    const { retryAfterSeconds = 0 } = refused as { retryAfterSeconds?: number }
    expect(retryAfterSeconds).toBeGreaterThan(50)
    server.clock.advance(retryAfterSeconds * 1000)
    await countAttempt(server, limit, 'patient')
  })

  it('are counted apart by name and subject, and can be forgiven', async () => {
    for (let times = 0; times < 5; times += 1) await countAttempt(server, limit, 'one')
    await countAttempt(server, limit, 'other')
    await countAttempt(server, { ...limit, name: 'another' }, 'one')
    await forgiveAttempts(server, limit, 'one')
    await countAttempt(server, limit, 'one')
  })

  it('keep no address and no name, and nothing at all once they ended', async () => {
    await countAttempt(server, limit, '192.0.2.77')
    const rows = await server.database.selectFrom('rate_limits').selectAll().execute()
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      expect(row.key.length).toBe(16)
      expect(Buffer.from(row.key).includes('192.0.2.77')).toBe(false)
    }
    server.clock.advance(60_001)
    await removeEnded(server)
    expect(await server.database.selectFrom('rate_limits').selectAll().execute()).toEqual([])
  })
})
