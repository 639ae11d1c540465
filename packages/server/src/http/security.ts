import { decodeBytes } from '@strongroom/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import helmet from 'helmet'
import { ServerError } from '../domain/errors.ts'
import { isForAnyOrigin } from './web-app.ts'

/** Nothing may be loaded or run; pages that need more say so themselves. */
export const API_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export const PERMISSIONS = 'camera=(), geolocation=(), microphone=(), payment=(), usb=()'

/** The headers that are the same for every answer. */
export function helmetFor({ https }: { https: boolean }): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: false,
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    crossOriginEmbedderPolicy: true,
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  })
}

/** What sets the security headers of an answer; hooks use it, and so must whatever answers before the hooks. */
export function securityHeaders(options: { https: boolean }): (request: FastifyRequest, reply: FastifyReply) => void {
  const setHeaders = helmetFor(options)
  return (request, reply) => {
    reply.header('content-security-policy', API_POLICY)
    reply.header('permissions-policy', PERMISSIONS)
    reply.header('cache-control', 'no-store')
    reply.header('x-request-id', request.id)
    setHeaders(request.raw, reply.raw, (error?: unknown) => {
      if (error !== undefined) throw error
    })
  }
}

/**
 * Refuses what a page of another origin sends: browsers name their page's origin, others name none.
 *
 * @param origin - of PUBLIC_URL; null when it is not set, and then the Host header decides
 */
export function registerOriginCheck(app: FastifyInstance, origin: string | null): void {
  app.addHook('onRequest', async (request) => {
    const given = request.headers.origin
    if (given === undefined || isForAnyOrigin(request.url)) return
    const own = origin ?? `${request.protocol}://${request.host}`
    if (given !== own) throw new ServerError('forbidden', { details: { reason: 'origin' } })
  })
}

/** The bearer token of a request. @throws ServerError `unauthenticated`, `session_expired` for what is no token */
export function bearerToken(request: FastifyRequest): Uint8Array {
  const header = request.headers.authorization
  if (header === undefined) throw new ServerError('unauthenticated')
  const match = /^Bearer ([A-Za-z0-9_-]{43})$/i.exec(header)
  const token = match?.[1] === undefined ? null : decodeBytes(match[1])
  if (token === null) throw new ServerError('session_expired')
  return token
}
