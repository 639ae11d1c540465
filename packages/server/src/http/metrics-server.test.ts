import { type IncomingHttpHeaders, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../../../tests/dev-env/engines/free-port.ts'
import { serveMetrics } from './metrics-server.ts'

let port: number
let close: () => Promise<void>
beforeAll(async () => {
  port = await freePort()
  const shown = { contentType: 'text/plain; version=0.0.4', text: async () => 'a_metric 1\n' }
  close = await serveMetrics({ host: '127.0.0.1', port }, shown)
})
afterAll(() => close())

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((done, failed) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      done({ status: response.statusCode, headers: response.headers, text })
    })
    sent.once('error', failed)
    sent.end()
  })
}

describe('the address of the metrics', () => {
  it('shows them, and nothing else', async () => {
    expect(await ask('/metrics')).toMatchObject({ status: 200, text: 'a_metric 1\n' })
    expect((await ask('/metrics')).headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    for (const path of ['/', '/metrics?x', '/metrics/', '/v1/info', '/healthz', '/..//metrics']) {
      expect((await ask(path)).status, path).toBe(404)
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask('/metrics', {}, method)).status, method).toBe(404)
    }
  })

  it('shows nothing to a page, whatever name it has had point to this machine', async () => {
    expect((await ask('/metrics', { origin: `http://127.0.0.1:${port}` })).status).toBe(404)
    expect((await ask('/metrics', { host: `evil.example:${port}` })).status).toBe(404)
    expect((await ask('/metrics', { host: `127.0.0.1.evil.example:${port}` })).status).toBe(404)
    expect((await ask('/metrics', { host: `localhost:${port}` })).status).toBe(200)
    expect((await ask('/metrics', { host: `[::1]:${port}` })).status).toBe(200)
  })
})
