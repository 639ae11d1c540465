import type { BodyOf, ParamsOf, QueryOf, ResponseOf, ROUTES, Route, RouteName } from '@strongroom/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { ServerError } from '../domain/errors.ts'
import type { Session } from '../domain/sessions/sessions.ts'
import { Framed, isFramed } from './framed.ts'
import type { SessionCookies } from './session-cookie.ts'

/** What a handler gets: decoded, with the session settled where the route wants one. */
export interface Call<R extends Route> {
  readonly params: ParamsOf<R>
  readonly query: QueryOf<R>
  readonly body: BodyOf<R>
  /** What came behind the JSON of a framed body; null for any other. */
  readonly payload: Uint8Array | null
  readonly session: R['auth'] extends 'session' ? Session : null
  /** Aborted once the client is gone. */
  readonly signal: AbortSignal
}

export type Handlers = {
  readonly [Name in RouteName]: (call: Call<(typeof ROUTES)[Name]>) => Promise<ResponseOf<(typeof ROUTES)[Name]>>
}

const BODY_MS = 60_000
const BODY_BYTES_PER_MS = 16

type AnyHandler = (call: never) => Promise<unknown>

/** Who gets in, decided before a body is read. */
export interface Door {
  /** The session of a request. @throws ServerError `unauthenticated`, `session_expired` */
  settle(request: FastifyRequest): Promise<Session>
  /** Counts a request that needs no session. @throws ServerError `too_many_requests` */
  admit(address: string): Promise<void>
  readonly cookies: SessionCookies
}

/** Serves one route of the protocol: session, then body, then validation, handler, encoding. */
export function bindRoute(app: FastifyInstance, route: Route, handler: AnyHandler, door: Door): void {
  const sessions = new WeakMap<FastifyRequest, Session>()
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyLimit,
    // Reason: who has no session, or too many tries, must not make the server read and parse megabytes.
    onRequest: async (request, reply) => {
      if (isFramed(request) && route.framed !== true) throw new ServerError('unsupported_media_type')
      if (route.auth === 'session') {
        sessions.set(request, await clearing(door, request, reply, () => door.settle(request)))
      } else if (route.method === 'POST') await door.admit(request.ip)
      door.cookies.probe(request, reply)
    },
    preParsing: (request, _reply, _payload, done) => {
      limitBodyTime(request, route.bodyLimit)
      done()
    },
    handler: async (request, reply) => {
      const gone = new AbortController()
      // Reason: every answer ends in `close`, and aborting makes an exception that nobody wants.
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) gone.abort()
      })
      const framed = request.body instanceof Framed ? request.body : null
      const call = {
        params: decode(route.params, request.params, 'params'),
        query: decode(route.query, request.query, 'query'),
        body: decode(route.body, (framed === null ? request.body : framed.json) ?? undefined, 'body'),
        payload: framed?.payload ?? null,
        session: sessions.get(request) ?? null,
        signal: gone.signal,
      }
      // The values were decoded by the route's own schemas, which is what its handler's type asks for.
      const answer = door.cookies.settle(
        route.name,
        request,
        reply,
        await clearing(door, request, reply, () => handler(call as never)),
      )
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(z.encode(route.response, answer)))
    },
  })
}

/** Takes the cookie of a session away that turns out to be over, maybe only while its request was waiting. */
async function clearing<T>(
  { cookies }: Door,
  request: FastifyRequest,
  reply: FastifyReply,
  task: () => Promise<T>,
): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof ServerError && error.code === 'session_expired') cookies.clear(request, reply)
    throw error
  }
}

/** Ends a connection whose body drips: a minute, and a second for every 16 KiB announced. */
function limitBodyTime(request: FastifyRequest, bodyLimit: number): void {
  const announced = Number(request.headers['content-length'] ?? bodyLimit)
  const timer = setTimeout(() => request.raw.destroy(), BODY_MS + Math.min(announced, bodyLimit) / BODY_BYTES_PER_MS)
  const clear = () => clearTimeout(timer)
  request.raw.once('end', clear).once('close', clear)
}

/** @throws ServerError `bad_request` with the place of the first problem, never the value found there */
function decode<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  // Typed input is for callers in TypeScript; what comes from the network is unknown and checked by the same code.
  const result = z.safeDecode(schema, value as z.input<S>)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = [where, ...(issue?.path ?? [])].filter(
    (part) => typeof part === 'number' || /^\w{1,40}$/.test(String(part)),
  )
  throw new ServerError('bad_request', { details: { path: path.join('.'), problem: issue?.code ?? 'invalid' } })
}
