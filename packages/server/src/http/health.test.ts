import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BlobStoreError, type ServedObjectStore } from '../ports/index.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

let server: TestServer
let checks: number
let outcome: () => Promise<void>
let draining: boolean
beforeEach(async () => {
  checks = 0
  draining = false
  outcome = async () => undefined
  const wrapObjects = (objects: ServedObjectStore): ServedObjectStore => ({
    ...objects,
    check: () => {
      checks += 1
      return outcome()
    },
  })
  server = await createTestServer({ wrapObjects, isDraining: () => draining })
})
afterEach(() => server.close())

const ready = async () => {
  const response = await server.app.inject({ url: '/readyz' })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}

describe('/readyz', () => {
  it('asks the engines once a second, however often it is asked', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, ready))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    await ready()
    expect(checks).toBe(1)
    server.clock.advance(1_000)
    await ready()
    expect(checks).toBe(2)
  })

  it('names the engine that is away, and only that, until it is back', async () => {
    outcome = () => Promise.reject(new BlobStoreError('unavailable', 'a secret'))
    const away = await ready()
    expect(away).toMatchObject({ status: 503, body: { code: 'unavailable', details: { engine: 'store' } } })
    expect(away.headers['retry-after']).toBe('5')
    expect(JSON.stringify(away.body)).not.toContain('secret')
    outcome = async () => undefined
    expect((await ready()).status).toBe(503)
    server.clock.advance(1_000)
    expect((await ready()).status).toBe(200)
  })

  it('does not wait for an engine that does not answer', { timeout: 30_000 }, async () => {
    outcome = () => new Promise(() => undefined)
    expect(await ready()).toMatchObject({ status: 503, body: { details: { engine: 'store' } } })
  })

  it('is 503 while the server stops, and /healthz goes on', async () => {
    draining = true
    expect((await ready()).status).toBe(503)
    expect(checks).toBe(0)
    const alive = await server.app.inject({ url: '/healthz' })
    expect([alive.statusCode, alive.headers.connection]).toEqual([200, 'close'])
  })
})

describe('probes', () => {
  it('are answered without a session, and not by anything but GET and HEAD', async () => {
    for (const url of ['/healthz', '/readyz']) {
      expect((await server.app.inject({ method: 'POST', url })).statusCode).toBe(405)
    }
  })
})
