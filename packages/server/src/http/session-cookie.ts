import { COOKIE_WANTED, decodeBytes, encodeBytes, type RouteName, SESSION_HEADER } from '@strongroom/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServerError } from '../domain/errors.ts'

// [Note: Session cookies] A web page's session lives in a cookie that no script can read. Invariant: a cookie counts only
// for a request that names it in a header of ours, from a page of this origin. A page of another origin can neither set
// that header without asking first (nobody here answers such a question) nor make the browser send the cookie
// (SameSite=Strict); requests that change something must say their origin besides. Each session has a cookie of its own,
// so that tabs of two accounts never act for each other.

const NAME = 'strongroom-'
/** Browsers take names with it only for this host, all paths, and over HTTPS or the loopback. */
const HOST = '__Host-'
const PROBE = `${HOST}${NAME}probe`
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict'
const NAME_LENGTH = 32
/** Cookies of sessions that one browser keeps here; the oldest go first. */
const MOST_COOKIES = 20

/** Routes whose answer begins a session. */
const BEGINNING: readonly string[] = [
  'registerFinish',
  'loginFinish',
  'loginSecondFactor',
  'recoveryFinish',
] satisfies RouteName[]
/** Routes after which the session that asked is over. */
const ENDING: readonly string[] = ['logout', 'accountDelete'] satisfies RouteName[]

export interface SessionCookies {
  /** What the request names as its session's cookie, or null. @throws ServerError `session_expired` for what is no name */
  named(request: FastifyRequest): string | null
  /**
   * The token in the cookie that a request names.
   *
   * @throws ServerError `unauthenticated` without the cookie, `forbidden` for what no page of this origin sends
   */
  tokenOf(request: FastifyRequest, name: string): Uint8Array
  /** Before the answer: finds out whether a browser takes secure cookies over the loopback's plain HTTP. */
  probe(request: FastifyRequest, reply: FastifyReply): void
  /** What is answered to a request: a session that a page began goes into a cookie, one that is over out of it. */
  settle(routeName: string, request: FastifyRequest, reply: FastifyReply, answer: unknown): unknown
  /** Takes away the cookie that a request names. */
  clear(request: FastifyRequest, reply: FastifyReply): void
}

/** @param https - whether this server is reached by HTTPS whatever a request says */
export function sessionCookies(options: {
  readonly https: boolean
  readonly randomBytes: (length: number) => Uint8Array
}): SessionCookies {
  const isSecure = (request: FastifyRequest): boolean => options.https || request.protocol === 'https'
  const wanted = (request: FastifyRequest): boolean => request.headers[SESSION_HEADER] === COOKIE_WANTED
  const expire = (reply: FastifyReply, cookie: string): void => {
    const secure = cookie.startsWith(HOST) ? '; Secure' : ''
    reply.header('set-cookie', `${cookie}=; Max-Age=0; ${ATTRIBUTES}${secure}`)
  }
  const named: SessionCookies['named'] = (request) => {
    const header = request.headers[SESSION_HEADER]
    if (header === undefined || header === COOKIE_WANTED) return null
    const bytes = typeof header === 'string' ? decodeBytes(header) : null
    if (typeof header !== 'string' || bytes?.length !== NAME_LENGTH) throw new ServerError('session_expired')
    return header
  }
  const clear: SessionCookies['clear'] = (request, reply) => {
    const name = named(request)
    if (name === null) return
    for (const cookie of [`${HOST}${NAME}${name}`, `${NAME}${name}`]) {
      if (cookiesOf(request).has(cookie)) expire(reply, cookie)
    }
  }
  return {
    named,
    clear,
    tokenOf(request, name) {
      requireSamePage(request)
      const cookies = cookiesOf(request)
      const plain = isSecure(request) ? undefined : cookies.get(`${NAME}${name}`)
      const value = cookies.get(`${HOST}${NAME}${name}`) ?? plain
      if (value === undefined) throw new ServerError('unauthenticated')
      const token = decodeBytes(value)
      if (token?.length !== 32) throw new ServerError('session_expired')
      return token
    },
    probe(request, reply) {
      if (!wanted(request) || isSecure(request) || cookiesOf(request).has(PROBE)) return
      reply.header('set-cookie', `${PROBE}=1; Max-Age=600; ${ATTRIBUTES}; Secure`)
    },
    settle(routeName, request, reply, answer) {
      if (ENDING.includes(routeName)) clear(request, reply)
      if (!BEGINNING.includes(routeName) || !wanted(request) || !hasToken(answer)) return answer
      requireSamePage(request)
      const name = options.randomBytes(NAME_LENGTH)
      const cookies = cookiesOf(request)
      const secure = isSecure(request) || cookies.has(PROBE)
      const cookie = `${secure ? HOST : ''}${NAME}${encodeBytes(name)}`
      reply.header('set-cookie', `${cookie}=${encodeBytes(answer.token)}; ${ATTRIBUTES}${secure ? '; Secure' : ''}`)
      const kept = [...cookies.keys()].filter((other) => other !== PROBE && /^(__Host-)?strongroom-/.test(other))
      for (const old of kept.slice(0, Math.max(0, kept.length + 1 - MOST_COOKIES))) expire(reply, old)
      return { ...answer, token: name }
    },
  }
}

function hasToken(answer: unknown): answer is { token: Uint8Array } {
  return typeof answer === 'object' && answer !== null && 'token' in answer && answer.token instanceof Uint8Array
}

/** @throws ServerError `forbidden`, unless the request can be one of a page of this server, whose Origin was checked */
function requireSamePage(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  const isSafe = request.method === 'GET' || request.method === 'HEAD'
  const foreign = site !== undefined && site !== 'same-origin'
  if (foreign || (!isSafe && request.headers.origin === undefined)) {
    throw new ServerError('forbidden', { details: { reason: 'origin' } })
  }
}

/** Cookies of a request by name, in the order in which they were sent: the oldest first. */
function cookiesOf(request: FastifyRequest): ReadonlyMap<string, string> {
  const cookies = new Map<string, string>()
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0) cookies.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  return cookies
}
