import { errorBody } from '@strongroom/protocol'
import { ClientError, integrityError, redirected, throwIfAborted } from '../errors.ts'
import type { Clock, Transport, TransportResponse } from '../ports.ts'
import { parseRetryAfter, Transient } from './retry.ts'

/** Longest error body of a store that is read, in bytes. */
const ERROR_LIMIT = 64 * 1024
/** Of stores that the server serves itself. */
const BATCH_PATH = '/v1/store/batch'

/** The presigned URL has expired or is refused: ask for a new one. */
export class UrlRefused extends Error {}
/** A write-once PUT found an object under that name (412). */
export class AlreadyThere extends Error {}

export interface StoreAccess {
  put(input: {
    url: string
    headers: Readonly<Record<string, string>>
    body: Uint8Array
    signal?: AbortSignal | undefined
  }): Promise<string>
  /**
   * Small objects in one answer, in the order of `objects`; null where the store has no such answer, or has none for all
   * of them, so that each is to be asked for by itself.
   *
   * @param into - where they go; at least as long as all of them
   */
  getMany(
    objects: readonly { readonly url: string; readonly length: number }[],
    into: Uint8Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>[] | null>
  /** @throws ClientError `integrity` when the object is not there, or not as long as its record says (`total` bytes) */
  getRange(input: {
    url: string
    offset: number
    length: number
    total: number
    /** Where the bytes go; at least `length` long. */
    into: Uint8Array<ArrayBuffer>
    signal?: AbortSignal | undefined
  }): Promise<Uint8Array<ArrayBuffer>>
}

export interface StoreOptions {
  readonly server: string
  /** Origins of the server record, fixed at login. */
  readonly origins: readonly string[]
  readonly transport: Transport
  readonly clock: Clock
}

/**
 * Turns a URL from the server into one that may be asked: relative ones belong to the server, absolute ones must have
 * an origin from the server record.
 *
 * @throws ClientError `integrity` for any other
 */
export function resolveStoreUrl(url: string, server: string, origins: readonly string[]): string {
  let resolved: URL
  try {
    resolved = isOfServer(url) ? new URL(server + url) : new URL(url)
  } catch (cause) {
    throw new ClientError('integrity', 'The server named a store address that is not a URL.', { cause })
  }
  const allowed = resolved.origin === new URL(server).origin || origins.includes(resolved.origin)
  if (!allowed || resolved.username !== '' || resolved.password !== '') {
    throw new ClientError('integrity', 'The server named a store that is not in its record; log in again to renew it.')
  }
  return resolved.href
}

/** Invariant: one leading slash only; `//host/…` names another host. */
function isOfServer(url: string): boolean {
  return url.startsWith('/') && !/^\/[/\\]/.test(url)
}

/** Presigned transfers. They throw `Transient`, `UrlRefused` or `AlreadyThere` for their caller to act on. */
export function createStoreAccess(options: StoreOptions): StoreAccess {
  const exchange = async (
    method: 'GET' | 'PUT',
    url: string,
    headers: Readonly<Record<string, string>>,
    extra: { body?: Uint8Array; signal?: AbortSignal | undefined },
  ) => {
    throwIfAborted(extra.signal)
    const href = resolveStoreUrl(url, options.server, options.origins)
    return await transient(() => options.transport(href, { method, headers, ...extra }))
  }
  return {
    async put({ url, headers, body, signal }) {
      const response = await exchange('PUT', url, partHeaders(headers), { body, signal })
      if (response.status === 412) {
        // Reason: a connection is free again only once its answer was read.
        await response.bytes(ERROR_LIMIT).catch(() => undefined)
        throw new AlreadyThere()
      }
      await checkStatus(response, options.clock.nowMs(), checkPart)
      const etag = response.header('etag')
      if (!isEtag(etag)) throw new ClientError('server', 'The store confirmed a part without a proper ETag.')
      await transient(() => response.bytes(ERROR_LIMIT))
      return etag
    },
    async getMany(objects, into, signal) {
      const urls = objects.map(({ url }) => url)
      if (urls.some((url) => !isOfServer(url))) return null
      throwIfAborted(signal)
      const headers = { 'content-type': 'application/json' }
      const request = { method: 'POST', headers, body: JSON.stringify({ urls }), signal } as const
      const total = objects.reduce((sum, { length }) => sum + length, 0)
      try {
        const response = await options.transport(options.server + BATCH_PATH, request)
        const bytes = await response.bytes(total, into)
        if (response.status !== 200 || bytes.length !== total) return null
        let end = 0
        return objects.map(({ length }) => {
          end += length
          return bytes.subarray(end - length, end)
        })
      } catch {
        throwIfAborted(signal)
        // Reason: whatever is the matter, asking for a single object tells, and repeats what may pass.
        return null
      }
    },
    async getRange({ url, offset, length, total, into, signal }) {
      const range = { range: `bytes=${offset}-${offset + length - 1}` }
      const response = await exchange('GET', url, range, { signal })
      await checkStatus(response, options.clock.nowMs(), checkObject)
      if (response.status !== 206 && !(response.status === 200 && offset === 0 && length === total)) {
        throw new ClientError('server', 'The store does not serve ranges.')
      }
      const stated = /^bytes \d+-\d+\/(\d+)$/.exec(response.header('content-range') ?? '')?.[1]
      if (stated !== undefined && Number(stated) !== total) throw wrongLength()
      const bytes = await transient(() => response.bytes(length, into)).catch((error: unknown) => {
        throw error instanceof ClientError && error.details.reason === 'too_long' ? wrongLength(error) : error
      })
      // Reason: a connection that breaks is an error of the transport; this answer was complete and is not the object.
      if (bytes.length !== length) throw wrongLength()
      return bytes
    },
  }
}

/** What a presigned PUT may have signed beside its address. */
const PART_HEADER = /^(content-(type|length|md5)|if-none-match|x-(amz|goog|ms)-[a-z0-9-]{1,60})$/
const PRINTABLE = /^[\x20-\x7e]{1,1000}$/

/**
 * The headers that the server wants to be sent with a part, by names in lower case.
 *
 * @throws ClientError `integrity` for any that would do more than describe the part
 */
function partHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  for (const [name, value] of entries) {
    if (!PART_HEADER.test(name) || !PRINTABLE.test(value)) {
      throw integrityError('what the server wants to be sent to the store')
    }
  }
  return Object.fromEntries(entries)
}

function isEtag(etag: string | null): etag is string {
  return etag !== null && /^[\x20-\x7e]{1,200}$/.test(etag)
}

function wrongLength(cause?: unknown): ClientError {
  return integrityError('the length of a stored object', cause)
}

/** The code of an error, of this server's own store routes or of S3; null for none. */
async function refusalCode(response: TransportResponse): Promise<string | null> {
  const text = new TextDecoder().decode(await response.bytes(ERROR_LIMIT).catch(() => new Uint8Array(0)))
  const code = /<Code>([A-Za-z0-9]{1,60})<\/Code>/.exec(text)?.[1]
  if (code !== undefined) return code
  try {
    const parsed = errorBody.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data.code : null
  } catch {
    return null
  }
}

/** What S3 calls a store that takes no more. */
const FULL = ['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull']
/** What S3 calls a request that was cut off or changed on its way, or met another one. */
const PASSING = [
  'RequestTimeout',
  'IncompleteBody',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'OperationAborted',
  'ConditionalRequestConflict',
]
/** Of 400 answers, those that say that the address is no longer good. */
const STALE = ['ExpiredToken', 'RequestExpired']

/** @throws AlreadyThere where a server that passes parts on to a bucket met an object there */
function checkPart(status: number, code: string): void {
  if (status === 409 && code === 'blob_conflict') throw new AlreadyThere()
}

/** @throws ClientError `integrity` where the store says that what a signed record names is gone, cut or changed */
function checkObject(status: number, code: string): void {
  if (code === 'NoSuchBucket')
    throw new ClientError('server', 'The store has lost its bucket.', { details: { status } })
  if (code === 'stored_data_damaged') throw integrityError('a stored object')
  if ([404, 410, 416].includes(status)) throw integrityError('a stored object')
}

async function checkStatus(
  response: TransportResponse,
  nowMs: number,
  checkFirst: (status: number, code: string) => void = () => undefined,
): Promise<void> {
  const { status } = response
  if (status < 300) return
  if (status < 400) throw redirected()
  const code = (await refusalCode(response)) ?? ''
  checkFirst(status, code)
  const details = { status }
  if (status === 507 || FULL.includes(code)) {
    throw new ClientError('quota', 'The server has no room left.', { details: { status, reason: 'storage_full' } })
  }
  if (status === 403 || status === 401 || STALE.includes(code)) throw new UrlRefused()
  const waitMs = parseRetryAfter(response.header('retry-after'), nowMs)
  if (status === 429 || status >= 500 || status === 408 || PASSING.includes(code)) {
    throw new Transient(new ClientError('network', 'The store is not available at the moment.', { details }), waitMs)
  }
  throw new ClientError('server', `The store refused the request (${status}).`, { details })
}

async function transient<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof ClientError && error.code === 'network') throw new Transient(error)
    throw error
  }
}
