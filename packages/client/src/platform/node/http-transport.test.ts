import { spawnSync } from 'node:child_process'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { httpTransport } from './http-transport.ts'

const transport = httpTransport()
const selfSigned = selfSignedPair()
let server: http.Server
let url = ''
let redirected = 0
let allWritten = Promise.resolve()
const PIECES = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(1_000))

/** Each goes out by itself, so that a client reads them one by one. */
async function writePieces(response: http.ServerResponse): Promise<void> {
  for (const piece of PIECES) {
    response.write(piece)
    await new Promise((done) => setTimeout(done, 30))
  }
  response.end()
}

/** A key and its certificate by the openssl program; null where there is none. */
function selfSignedPair(): { key: Buffer; cert: Buffer } | null {
  const ask = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout - -out - -days 1 -subj /CN=localhost'
  const { status, stdout } = spawnSync('openssl', ['req', '-x509', ...ask.split(' ')])
  return status === 0 ? { key: stdout, cert: stdout } : null
}

beforeAll(async () => {
  server = http.createServer((request, response) => {
    if (request.url === '/redirect') response.writeHead(302, { location: '/target' }).end()
    else if (request.url === '/target') {
      redirected += 1
      response.end('secret')
    } else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    } else if (request.url === '/silent') request.resume()
    else if (request.url === '/pieces') allWritten = writePieces(response)
    else if (request.url === '/drip') {
      const drip = setInterval(() => response.write('.'), 10)
      response.once('close', () => clearInterval(drip))
    } else request.pipe(response.writeHead(200, { 'x-method': request.method ?? '' }))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server.closeAllConnections()
  await new Promise((done) => server.close(done))
})

describe('httpTransport', () => {
  it('sends a body and reads the answer, into given memory too', async () => {
    const body = new TextEncoder().encode('hello')
    const response = await transport(url, { method: 'PUT', headers: {}, body })
    expect([response.status, response.header('x-method')]).toEqual([200, 'PUT'])
    const into = new Uint8Array(10)
    const bytes = await response.bytes(10, into)
    expect(new TextDecoder().decode(bytes)).toBe('hello')
    expect(bytes.buffer).toBe(into.buffer)
  })

  it('sends pieces one after the other', async () => {
    const body = ['he', '', 'llo'].map((piece) => new TextEncoder().encode(piece))
    const response = await transport(url, { method: 'PUT', headers: {}, body })
    expect(new TextDecoder().decode(await response.bytes(10))).toBe('hello')
  })

  it('keeps what has arrived in pieces before anybody reads it', async () => {
    const response = await transport(`${url}/pieces`, { method: 'GET', headers: {} })
    await allWritten
    await new Promise((done) => setTimeout(done, 50))
    const bytes = await response.bytes(10_000)
    expect(new TextDecoder().decode(bytes)).toBe(PIECES.join(''))
  })

  it('never follows a redirect', async () => {
    const response = await transport(`${url}/redirect`, { method: 'GET', headers: {} })
    expect(response.status).toBe(302)
    await response.bytes(100)
    expect(redirected).toBe(0)
  })

  it('refuses more than it was told to take', async () => {
    const response = await transport(url, { method: 'PUT', headers: {}, body: 'x'.repeat(100) })
    await expect(response.bytes(99)).rejects.toMatchObject({ code: 'server' })
  })

  it('takes a server that answers a byte at a time for silent', async () => {
    const response = await httpTransport({ idleMs: 100 })(`${url}/drip`, { method: 'GET', headers: {} })
    await expect(response.bytes(1e6)).rejects.toMatchObject({ code: 'network', details: { silent: true } })
  })

  it('tells of a lost connection, before the body was asked for or after', async () => {
    const first = await transport(`${url}/cut`, { method: 'GET', headers: {} })
    await expect(first.bytes(100)).rejects.toMatchObject({ code: 'network' })
    const second = await transport(`${url}/cut`, { method: 'GET', headers: {} })
    await new Promise((done) => setTimeout(done, 60))
    await expect(second.bytes(100)).rejects.toMatchObject({ code: 'network' })
    await expect(transport('http://127.0.0.1:9', { method: 'GET', headers: {} })).rejects.toMatchObject({
      code: 'network',
    })
  })

  it('lets many requests share a signal without a warning', async () => {
    const warnings: Error[] = []
    const listen = (warning: Error) => warnings.push(warning)
    process.on('warning', listen)
    const { signal } = new AbortController()
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        const response = await transport(url, { method: 'PUT', headers: {}, body: 'x', signal })
        await response.bytes(1)
      }),
    )
    await new Promise((done) => setTimeout(done, 10))
    process.off('warning', listen)
    expect(warnings).toEqual([])
  })

  it.skipIf(selfSigned === null)('says that a certificate is not trusted', async () => {
    const secure = https.createServer(selfSigned ?? {})
    await new Promise<void>((done) => secure.listen(0, '127.0.0.1', done))
    const { port } = secure.address() as AddressInfo
    const asked = transport(`https://127.0.0.1:${port}/`, { method: 'GET', headers: {} })
    await expect(asked).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/certificate.*SELF_SIGNED/),
    })
    secure.closeAllConnections()
    await new Promise((done) => secure.close(done))
  })

  it('ends when it is interrupted', async () => {
    const signal = AbortSignal.timeout(20)
    await expect(transport(`${url}/silent`, { method: 'GET', headers: {}, signal })).rejects.toMatchObject({
      code: 'aborted',
    })
  })
})
