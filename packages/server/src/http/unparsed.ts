import { randomBytes } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ERRORS, type ErrorBody } from '@strongroom/protocol'
import { API_POLICY, helmetFor, PERMISSIONS } from './security.ts'

/** What the parser gave up for; anything else is no HTTP. */
const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
}

/**
 * Answers what never became a request, since the parser refused it, as any other bad one: with the security headers and
 * the body of the catalogue. Then the connection ends.
 */
export function unparsedHandler(options: { https: boolean }): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const lines = headerLines(options)
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const status = STATUS[error.code ?? ''] ?? 400
    const requestId = randomBytes(8).toString('hex')
    const body: ErrorBody = { code: 'bad_request', message: ERRORS.bad_request.advice, requestId }
    const text = JSON.stringify(body)
    const own = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(text)}`,
      `x-request-id: ${requestId}`,
      'connection: close',
    ]
    if (socket.writable) socket.write([...own, ...lines, '', text].join('\r\n'))
    socket.destroySoon()
  }
}

/** The security headers as they are written to a connection. */
function headerLines(options: { https: boolean }): string[] {
  const found = new Map([
    ['content-security-policy', API_POLICY],
    ['permissions-policy', PERMISSIONS],
    ['cache-control', 'no-store'],
  ])
  const collect = {
    setHeader: (name: string, value: string) => found.set(name.toLowerCase(), value),
    removeHeader: (name: string) => found.delete(name.toLowerCase()),
  }
  // Reason for the casts: it reads nothing of a request, and of an answer it uses these two.
  helmetFor(options)({} as IncomingMessage, collect as unknown as ServerResponse, (error?: unknown) => {
    if (error !== undefined) throw error
  })
  return [...found].map(([name, value]) => `${name}: ${value}`)
}
