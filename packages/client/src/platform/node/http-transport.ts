import { setMaxListeners } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { ClientError } from '../../errors.ts'
import type { Transport, TransportRequest, TransportResponse } from '../../ports.ts'
import { collectYoung } from './collect-young.ts'

/** Silence on a connection after which it counts as lost, in milliseconds. */
const IDLE_MS = 60_000
/** Bytes of an answer in that time below which a server counts as silent: it would keep a command waiting for hours. */
const SLOWEST_BYTES = 1024
/** Idle connections are dropped before servers usually drop them. */
const KEEP_MS = 4_000
/** Bytes of bodies after which the pieces that they came in are given back. */
const PIECES = 4 * 1024 * 1024

let passed = 0

function pass(bytes: number): void {
  passed += bytes
  if (passed < PIECES) return
  passed = 0
  collectYoung()
}

/**
 * Transport over node:http and node:https: connections are kept, bodies are read straight into one buffer, redirects
 * are never followed.
 *
 * Reason: `fetch` moves every chunk through web streams, which costs several times as much per small file and copies
 * every part.
 */
export function httpTransport({ idleMs = IDLE_MS }: { idleMs?: number } = {}): Transport {
  const options = {
    keepAlive: true,
    keepAliveMsecs: 1000,
    maxSockets: 64,
    timeout: KEEP_MS,
    scheduling: 'lifo' as const,
  }
  const agents = { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
  return async (url, request) => {
    const target = new URL(url)
    if (target.protocol !== 'http:' && target.protocol !== 'https:') {
      throw new ClientError('usage', 'Only http and https are spoken.')
    }
    const secure = target.protocol === 'https:'
    const send = secure ? https.request : http.request
    const response = await exchange(send, target, { agent: agents[target.protocol], idleMs }, request)
    return {
      status: response.statusCode ?? 0,
      header(name) {
        const value = response.headers[name]
        return (Array.isArray(value) ? value[0] : value) ?? null
      },
      bytes: (maxLength, into) => readAll(response, { maxLength, into, signal: request.signal, idleMs }),
    } satisfies TransportResponse
  }
}

function exchange(
  send: typeof http.request,
  target: URL,
  { agent, idleMs }: { agent: http.Agent; idleMs: number },
  { method, headers, body, signal }: TransportRequest,
): Promise<http.IncomingMessage> {
  return new Promise((done, fail) => {
    const failed = (cause: unknown) => fail(failure(cause, signal))
    if (signal?.aborted) return failed(undefined)
    // Reason: a signal is shared by all parts under way, more than Node takes for no leak.
    if (signal !== undefined) setMaxListeners(0, signal)
    const pieces = typeof body === 'string' || body instanceof Uint8Array ? [body] : body
    const length = pieces === undefined ? {} : { 'content-length': String(sizeOf(pieces)) }
    const request = send(target, { method, headers: { ...headers, ...length }, agent, ...(signal ? { signal } : {}) })
    request.setTimeout(idleMs, () => request.destroy(new Silence()))
    request.setNoDelay(true)
    request.once('response', done)
    request.once('error', failed)
    // The head and all pieces go to the system together.
    request.cork()
    for (const piece of pieces ?? []) request.write(piece)
    request.end()
    if (pieces !== undefined) pass(sizeOf(pieces))
  })
}

function sizeOf(pieces: readonly (string | Uint8Array)[]): number {
  return pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
}

interface ReadOptions {
  readonly maxLength: number
  readonly into: Uint8Array<ArrayBuffer> | undefined
  readonly signal: AbortSignal | undefined
  readonly idleMs: number
}

function readAll(
  response: http.IncomingMessage,
  { maxLength, into, signal, idleMs }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((done, fail) => {
    const announced = Number(response.headers['content-length'] ?? 'NaN')
    let buffer = into ?? new Uint8Array(Number.isNaN(announced) ? 16 * 1024 : Math.min(announced, maxLength))
    let length = 0
    const tooLong = () => {
      response.destroy()
      fail(
        new ClientError('server', 'The server answered more than the protocol allows.', {
          details: { reason: 'too_long' },
        }),
      )
    }
    if (announced > maxLength) return tooLong()
    // Reason: a response that was cut off before anyone read it has told so already, and never tells again.
    if (response.destroyed || response.closed) return fail(failure(response.errored, signal))
    let before = 0
    const pace = setInterval(() => {
      if (length - before < SLOWEST_BYTES) response.destroy(new Silence())
      before = length
    }, idleMs)
    response.once('close', () => clearInterval(pace))
    response.on('data', (chunk: Uint8Array) => {
      if (length + chunk.length > maxLength) return tooLong()
      if (length + chunk.length > buffer.length) {
        const larger = new Uint8Array(Math.min(maxLength, Math.max(buffer.length * 2, length + chunk.length)))
        larger.set(buffer.subarray(0, length))
        buffer = larger
      }
      buffer.set(chunk, length)
      length += chunk.length
      pass(chunk.length)
    })
    response.once('end', () => {
      if (response.complete) done(length === buffer.length ? buffer : buffer.subarray(0, length))
      else fail(failure(undefined, signal))
    })
    response.once('error', (cause) => fail(failure(cause, signal)))
    response.once('close', () => fail(failure(undefined, signal)))
  })
}

class Silence extends Error {}

function failure(cause: unknown, signal: AbortSignal | undefined): ClientError {
  if (signal?.aborted) return new ClientError('aborted', 'The operation was interrupted.', { cause })
  if (cause instanceof Silence) {
    return new ClientError('network', 'The server does not answer.', { cause, details: { silent: true } })
  }
  const untrusted = certificateProblem(cause)
  if (untrusted !== null) {
    const advice = 'NODE_EXTRA_CA_CERTS names a file with certificates of your own.'
    return new ClientError('network', `The server's TLS certificate is not trusted here (${untrusted}). ${advice}`, {
      cause,
    })
  }
  return new ClientError('network', 'The server cannot be reached.', { cause })
}

/** Code of a certificate that does not verify; null for anything else. */
function certificateProblem(cause: unknown): string | null {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/.test(code) ? code : null
}
