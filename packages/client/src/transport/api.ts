import {
  type ApiErrorCode,
  type BodyOf,
  COOKIE_WANTED,
  errorBody,
  FRAMED,
  frameHead,
  type ParamsOf,
  PROTOCOL_VERSIONS,
  type QueryOf,
  type ResponseOf,
  ROUTES,
  type Route,
  type RouteName,
  SESSION_HEADER,
} from '@strongroom/protocol'
import { ClientError, type ClientErrorCode, integrityError, redirected, throwIfAborted } from '../errors.ts'
import type { Clock, Transport, TransportRequest, TransportResponse } from '../ports.ts'
import { parseRetryAfter, Transient, withRetries } from './retry.ts'

/** Largest answer that is read into memory, in bytes. */
const ANSWER_LIMIT = 32 * 1024 * 1024

type RouteOf<N extends RouteName> = (typeof ROUTES)[N]

export interface CallInput<N extends RouteName> {
  readonly params?: ParamsOf<RouteOf<N>>
  readonly query?: QueryOf<RouteOf<N>>
  readonly body?: BodyOf<RouteOf<N>>
  /** Sent behind the JSON of a framed body, one piece after the other. */
  readonly payload?: readonly Uint8Array[]
  readonly signal?: AbortSignal | undefined
  /** False where a repetition could do the work twice; default true. */
  readonly retry?: boolean
}

/** The server's answer of status 400 and above, kept as the cause of a ClientError. */
export class ApiFailure extends Error {
  readonly code: string
  readonly status: number
  readonly details: Readonly<Record<string, string | number | boolean>>

  constructor(code: string, status: number, details: Readonly<Record<string, string | number | boolean>>) {
    super(`The server answered ${status} (${code}).`)
    this.code = code
    this.status = status
    this.details = details
  }
}

/** The API error code inside an error of this package, or null. */
export function apiCode(error: unknown): string | null {
  return error instanceof ClientError && error.cause instanceof ApiFailure ? error.cause.code : null
}

export interface Api {
  readonly server: string
  call<N extends RouteName>(name: N, input: CallInput<N>): Promise<ResponseOf<RouteOf<N>>>
}

export interface ApiOptions {
  readonly server: string
  readonly transport: Transport
  readonly clock: Clock
  readonly random: () => number
  /** What names the session, in base64url; null before login. */
  readonly token: () => string | null
  /** Whether the session travels in a cookie of that name, and new ones are to; default as a bearer token. */
  readonly cookies?: boolean | undefined
}

/** Checks and trims a server's base URL. @throws ClientError `usage` */
export function normaliseServer(server: string): string {
  let url: URL
  try {
    url = new URL(server)
  } catch (cause) {
    throw new ClientError('usage', 'The server address is not a URL.', { cause })
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ClientError('usage', 'The server address must start with https:// or http://.')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ClientError('usage', 'The server address must hold nothing but scheme, host, port and path.')
  }
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** Calls routes of `@strongroom/protocol`, with retries for what may pass. All failures are ClientErrors. */
export function createApi(options: ApiOptions): Api {
  return {
    server: options.server,
    async call(name, input) {
      const route: Route = ROUTES[name]
      const context = { clock: options.clock, random: options.random, signal: input.signal }
      const request = buildRequest(options, route, input)
      const once = (attempt: number) => exchange(options, route, request, input.signal, attempt)
      if (input.retry === false) {
        try {
          return (await once(1)) as never // Checked by the route's schema in `exchange`.
        } catch (error) {
          throw error instanceof Transient ? error.failure : error
        }
      }
      return (await withRetries(context, once)) as never // As above.
    },
  }
}

interface BuiltRequest {
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: TransportRequest['body']
}

function buildRequest(
  options: ApiOptions,
  route: Route,
  input: { params?: unknown; query?: unknown; body?: unknown; payload?: readonly Uint8Array[] },
): BuiltRequest {
  const params = route.params.encode(input.params ?? {}) as Record<string, string>
  const path = route.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(params[key] ?? ''))
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(key, String(value))
  }
  const search = query.size > 0 ? `?${query}` : ''
  const headers: Record<string, string> = { accept: 'application/json' }
  const token = route.auth === 'session' ? options.token() : null
  if (route.auth === 'session' && token === null) throw new ClientError('authentication', 'Not logged in.')
  if (options.cookies) headers[SESSION_HEADER] = token ?? COOKIE_WANTED
  else if (token !== null) headers.authorization = `Bearer ${token}`
  let body: TransportRequest['body']
  if (input.body !== undefined) {
    const json = JSON.stringify(route.body.encode(input.body))
    body = input.payload === undefined ? json : [frameHead(json), ...input.payload]
    headers['content-type'] = input.payload === undefined ? 'application/json' : FRAMED
  }
  return { url: options.server + path + search, headers, body }
}

async function exchange(
  options: ApiOptions,
  route: Route,
  request: BuiltRequest,
  signal: AbortSignal | undefined,
  _attempt: number,
): Promise<unknown> {
  throwIfAborted(signal)
  const { url, headers, body } = request
  let response: TransportResponse
  let text: string
  try {
    response = await options.transport(url, {
      method: route.method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(options.cookies ? { cookies: true } : {}),
      signal,
    })
    text = new TextDecoder().decode(await response.bytes(ANSWER_LIMIT))
  } catch (error) {
    if (error instanceof ClientError && error.code === 'network') throw new Transient(error)
    throw error instanceof ClientError && error.details.reason === 'too_long' ? tooMuch(error) : error
  }
  if (response.status >= 300 && response.status < 400) throw elsewhere(route)
  if (response.status >= 400) throw failure(response, text, options.clock.nowMs())
  const parsed = route.response.safeDecode(parseJson(text) as never)
  if (!parsed.success) {
    const { error } = parsed
    if (error.issues.some(({ code }) => code === 'too_big')) throw tooMuch(error)
    throw new ClientError('server', 'The server answered something that is not the protocol.', { cause: error })
  }
  return parsed.data
}

/** No server that keeps to the protocol can answer so. */
function tooMuch(cause: unknown): ClientError {
  return integrityError('an answer beyond every limit of the protocol', cause)
}

/** Reason: before a login a redirect says that the address is not quite right; later it would move what is sent. */
function elsewhere(route: Route): ClientError {
  if (route.auth === 'session') return redirected()
  return new ClientError('server', 'This address redirects to another one, which is never followed; use that one.')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failure(response: TransportResponse, text: string, nowMs: number): ClientError | Transient {
  const parsed = errorBody.safeParse(parseJson(text))
  const code = parsed.success ? parsed.data.code : 'unknown'
  const cause = new ApiFailure(code, response.status, parsed.success ? (parsed.data.details ?? {}) : {})
  const error = new ClientError(clientCode(code, response.status), failureMessage(code, response.status), {
    cause,
    details: {
      api: code,
      status: response.status,
      ...(parsed.success ? { requestId: parsed.data.requestId } : {}),
      ...inviteReason(cause),
    },
  })
  const passes =
    response.status === 429 || response.status === 502 || response.status === 503 || response.status === 504
  return passes ? new Transient(error, parseRetryAfter(response.header('retry-after'), nowMs)) : error
}

/** Why an invitation was not taken, from the reasons that are known. */
function inviteReason({ code, details }: ApiFailure): { reason?: string } {
  const { reason } = details
  if (code !== 'invite_invalid' || typeof reason !== 'string') return {}
  return ['unknown', 'used', 'expired', 'revoked'].includes(reason) ? { reason: `invite_${reason}` } : {}
}

const CLIENT_CODES: Partial<Record<ApiErrorCode, ClientErrorCode>> = {
  unauthenticated: 'authentication',
  session_expired: 'authentication',
  login_failed: 'authentication',
  recovery_failed: 'authentication',
  second_factor_required: 'authentication',
  second_factor_failed: 'authentication',
  account_disabled: 'account_disabled',
  registration_closed: 'registration_closed',
  invite_required: 'invite_required',
  invite_invalid: 'invite_invalid',
  not_found: 'not_found',
  login_taken: 'login_taken',
  stored_data_damaged: 'integrity',
  second_factor_conflict: 'conflict',
  versions_moved: 'conflict',
  vaults_shared: 'conflict',
  head_moved: 'conflict',
  blob_conflict: 'conflict',
  blob_gone: 'conflict',
  upgrade_required: 'upgrade_required',
  too_many_requests: 'network',
  unavailable: 'network',
  quota_exceeded: 'quota',
  storage_full: 'quota',
}

function clientCode(code: string, status: number): ClientErrorCode {
  const known = CLIENT_CODES[code as ApiErrorCode]
  if (known !== undefined) return known
  return status === 502 || status === 503 || status === 504 ? 'network' : 'server'
}

/** Every request fits the schemas of this version. */
const NOT_UNDERSTOOD = 'The server does not understand the request; one of the two may be older than the other.'

const MESSAGES: Partial<Record<ApiErrorCode, string>> = {
  bad_request: NOT_UNDERSTOOD,
  method_not_allowed: NOT_UNDERSTOOD,
  unsupported_media_type: NOT_UNDERSTOOD,
  unauthenticated: 'Not logged in.',
  session_expired: 'The session ended; log in again.',
  login_failed: 'Login name or password is wrong.',
  recovery_failed: 'Login name or recovery key is wrong, or the recovery took too long.',
  second_factor_required: 'The account asks for a second factor.',
  second_factor_failed: 'The code is wrong, too old, or was used before.',
  second_factor_conflict: 'The second factor was turned on, off or begun anew elsewhere.',
  account_disabled: 'The operator of the server has disabled this account; nothing of it was deleted.',
  registration_closed: 'This server takes no new accounts.',
  invite_required: 'This server takes invited people only.',
  invite_invalid: 'The server does not take this invitation.',
  keys_frozen: 'The keys of this account are disabled or gone; only the operator of the server can help.',
  login_taken: 'The login name is in use; choose another.',
  stored_data_damaged: 'What the server has stored was changed or removed by someone.',
  versions_moved: 'Another device changed the keys of the account first.',
  vaults_shared: 'The account owns vaults that others use too; hand them over or remove the others first.',
  head_moved: 'Someone else committed first.',
  blob_gone: 'The server has deleted content that this needs.',
  upgrade_required: 'Client and server do not speak the same version; upgrade the older one.',
  too_many_requests: 'The server asks for patience: too many requests.',
  unavailable: 'The server is not available at the moment.',
  quota_exceeded: 'The account has no room for this.',
  storage_full: 'The server has no room left.',
}

function failureMessage(code: string, status: number): string {
  return MESSAGES[code as ApiErrorCode] ?? `The server refused the request (${status}, ${safeCode(code)}).`
}

/** Reason: the code comes from the wire and ends up on a terminal. */
function safeCode(code: string): string {
  return /^[a-z_]{1,40}$/.test(code) ? code : 'unknown'
}

/** @throws ClientError `upgrade_required` unless both sides speak a common version */
export function checkProtocol(serverVersions: readonly number[]): void {
  if (serverVersions.some((version) => PROTOCOL_VERSIONS.includes(version))) return
  throw new ClientError(
    'upgrade_required',
    'Client and server speak no common protocol version; upgrade the older one.',
  )
}
