import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../testing/test-server.ts'
import { readWebApp } from './web-app.ts'

const FILES = {
  'index.html': '<!doctype html>the page',
  'pdf-frame.html': '<!doctype html>the frame',
  'service-worker.js': 'the worker',
  'icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  'assets/main-0123abcd.js': 'a script',
  'assets/notes.txt': 'of no known type',
  'pdf-frame/part-0123abcd.js': 'a script of the frame',
} as const

const PAGE = { accept: 'text/html,*/*' }

let folder: string
let server: TestServer
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'strongroom-web-app-'))
  for (const [name, text] of Object.entries(FILES)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true })
    await writeFile(path.join(folder, name), text)
  }
  server = await createTestServer({ web: await readWebApp(folder) })
})
afterAll(async () => {
  await server?.close()
  await rm(folder, { recursive: true })
})

const ask = (url: string, headers: Record<string, string> = {}) => server.app.inject({ method: 'GET', url, headers })

/** Directives of a policy by name. */
function policyOf(headers: Readonly<Record<string, unknown>>): Map<string, string> {
  const directives = String(headers['content-security-policy']).split('; ')
  return new Map(directives.map((text) => [text.split(' ')[0] ?? '', text.split(' ').slice(1).join(' ')]))
}

describe('the web app', () => {
  it('comes under a policy that lets its own scripts run and nothing else, at every address of a page', async () => {
    for (const [url, status] of [
      ['/', 200],
      ['/files/0123', 200],
      ['/security', 200],
      ['/nowhere', 404],
      ['/media/0123', 404],
      ['/drawing/0123', 404],
    ] as const) {
      const { headers, statusCode, body } = await ask(url, PAGE)
      expect([statusCode, body], url).toEqual([status, FILES['index.html']])
      expect(Object.fromEntries(policyOf(headers)), url).toEqual({
        'default-src': "'none'",
        'script-src': "'self' 'wasm-unsafe-eval'",
        'style-src': "'self'",
        'img-src': "'self' blob:",
        'media-src': "'self' blob:",
        'connect-src': "'self'",
        'worker-src': "'self'",
        'manifest-src': "'self'",
        'frame-src': "'self'",
        'base-uri': "'none'",
        'form-action': "'none'",
        'frame-ancestors': "'none'",
        'require-trusted-types-for': "'script'",
        'trusted-types': 'strongroom',
      })
      expect(headers).toMatchObject({
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-cache',
      })
    }
  })

  it('has no file that is sniffed, framed by others or kept although its name stays', async () => {
    for (const name of Object.keys(FILES).filter((one) => !/index|notes/.test(one))) {
      const { headers, statusCode } = await ask(`/${name}`)
      expect(statusCode, name).toBe(200)
      expect(headers['x-content-type-options'], name).toBe('nosniff')
      expect(headers['x-frame-options'], name).toBe(name === 'pdf-frame.html' ? 'SAMEORIGIN' : 'DENY')
      expect(String(headers['content-type']), name).not.toMatch(/plain|octet/)
      expect(String(headers['cache-control']).includes('immutable'), name).toBe(/-0123abcd/.test(name))
    }
  })

  it('frames PDFs in an origin of none, which may run its own script and ask nobody', async () => {
    const policy = policyOf((await ask('/pdf-frame.html')).headers)
    expect(policy.get('sandbox')).toBe('allow-scripts')
    expect(policy.get('default-src')).toBe("'none'")
    expect(policy.has('connect-src')).toBe(false)
    expect(policy.get('frame-ancestors')).toBe("'self'")
    expect(policy.get('require-trusted-types-for')).toBe("'script'")
  })

  it('gives pages of other origins the files of that frame, by no address anything else', async () => {
    const foreign = { origin: 'https://evil.example' }
    expect((await ask('/pdf-frame/part-0123abcd.js', foreign)).statusCode).toBe(200)
    for (const url of ['/', '/assets/main-0123abcd.js', '/v1/info']) {
      const { statusCode, headers } = await ask(url, foreign)
      expect([statusCode, headers['access-control-allow-origin']], url).toEqual([403, undefined])
    }
    for (const url of ['/pdf-frame/../v1/info', '/pdf-frame/..%2fv1/info', '/pdf-frame//v1/info']) {
      expect([403, 404], url).toContain((await ask(url, foreign)).statusCode)
    }
  })

  it('is no answer to what asks for no page, and holds nothing of an unknown type', async () => {
    for (const url of ['/nowhere', '/assets/notes.txt', '/assets/../index.html', '/%2e%2e/%2e%2e/etc/passwd']) {
      const { statusCode, headers } = await ask(url)
      expect([statusCode, headers['content-type']], url).toEqual([404, 'application/json; charset=utf-8'])
    }
    expect((await ask('/v1/nowhere', PAGE)).headers['content-type']).toBe('application/json; charset=utf-8')
  })
})
