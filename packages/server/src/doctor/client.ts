import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { BlobStore, PartTarget } from '../ports/index.ts'
import { lineOf, type Notes } from './check.ts'

const LENGTH = 1000
const LIFE_MS = 60_000
const SHORT_LIFE_MS = 1_000
const EXPIRY_ATTEMPTS = 5
const ANSWER_MS = 15_000

/** What a client of a bucket is. */
export interface TriedClient {
  readonly store: BlobStore
  /** Origin of the web app; null where nothing names it. */
  readonly origin: string | null
  /** What to do where the rules of the bucket do not let browsers in. */
  readonly cors: string
}

interface Sent {
  readonly target: PartTarget
  readonly bytes: Uint8Array
}

function part(blobId: Uint8Array, uploadId: string): Sent {
  const bytes = randomBytes(LENGTH)
  const sha256 = createHash('sha256').update(bytes).digest()
  return { target: { blobId, uploadId, index: 0, length: LENGTH, sha256 }, bytes }
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS), ...init })
  // Reason: a connection is free again only once its answer was read.
  const body = await response.arrayBuffer()
  return new Response(body.byteLength === 0 ? null : body, { status: response.status, headers: response.headers })
}

/** The bucket as clients use it, by presigned addresses: the command line, and browsers, whose rules are stricter. */
export async function checkClient({ store, origin, cors }: TriedClient, notes: Notes): Promise<void> {
  const blobId = randomBytes(16)
  try {
    const uploadId = await store.createUpload(blobId, true)
    const signedMs = Date.now()
    const early = await store.presignGet(blobId, LENGTH, signedMs + SHORT_LIFE_MS)
    await refusals(store, blobId, uploadId, notes)
    const isThere = await transfer(store, { blobId, uploadId, origin }, notes)
    if (origin === null) {
      notes.warn(
        'browser.cors',
        'PUBLIC_URL is not set: nothing says from where browsers come',
        'set it, and ask again',
      )
    } else await browser(store, { blobId, uploadId, origin, cors }, notes)
    if (isThere) await expiry(early, signedMs, notes)
  } catch (error) {
    const reason =
      error instanceof TypeError || lineOf(error) === 'TimeoutError' ? 'it cannot be reached' : lineOf(error)
    notes.fail(
      'client.reach',
      `${store.origins.join(', ')}: ${reason}`,
      'clients need a way to the bucket by this address; else set BLOB_TRANSFER=proxy',
    )
  } finally {
    await store.delete(blobId).catch(() => undefined)
  }
}

/** What must not be taken. Sent first, while there is no object that a store would refuse to overwrite. */
async function refusals(store: BlobStore, blobId: Uint8Array, uploadId: string, notes: Notes): Promise<void> {
  const { target, bytes } = part(blobId, uploadId)
  const { url, headers } = await store.presignPart(target, Date.now() + LIFE_MS)
  const longer = await ask(url, { method: 'PUT', headers, body: Buffer.concat([bytes, Buffer.of(0)]) })
  if (longer.ok) {
    notes.fail(
      'client.length',
      'it takes more bytes than the address was signed for: quotas do not hold',
      'use another store',
    )
    await store.delete(blobId)
  } else notes.ok('client.length', 'it refuses another length than was signed')
  const other = await ask(url, { method: 'PUT', headers, body: randomBytes(LENGTH) })
  if (other.ok) {
    notes.warn(
      'client.checksum',
      'it ignores checksums: bytes that change on their way are stored, and found when they are read',
      'clients find them and end with exit code 5; run "strongroom verify" and "admin verify --deep" regularly, or use a store that compares them',
    )
    await store.delete(blobId)
  } else notes.ok('client.checksum', 'it refuses other bytes than were signed')
  const unsigned = await ask(url.replace(/\?.*/, ''), { method: 'PUT', headers, body: Buffer.from(bytes) })
  if (unsigned.ok) {
    notes.fail('client.public', 'anybody may write into the bucket', 'take public access away from it')
    await store.delete(blobId)
  } else notes.ok('client.public', 'it refuses who has no signed address')
}

/** A PUT and a GET as clients make them. Returns whether the object is there. */
async function transfer(
  store: BlobStore,
  { blobId, uploadId, origin }: { blobId: Uint8Array; uploadId: string; origin: string | null },
  notes: Notes,
): Promise<boolean> {
  const from: Record<string, string> = origin === null ? {} : { origin }
  const { target, bytes } = part(blobId, uploadId)
  const presigned = await store.presignPart(target, Date.now() + LIFE_MS)
  const put = await ask(presigned.url, {
    method: 'PUT',
    headers: { ...presigned.headers, ...from },
    body: Buffer.from(bytes),
  })
  const etag = put.headers.get('etag') ?? ''
  if (!put.ok || etag === '') {
    notes.fail(
      'client.put',
      put.ok ? 'its answer to a PUT has no ETag' : `it refuses a signed PUT (${put.status})`,
      'see that no proxy on the way changes host name, path or headers',
    )
    return false
  }
  notes.ok('client.put', 'it takes a signed PUT')
  await store.complete({ blobId, uploadId }, [{ etag, sha256: target.sha256, length: LENGTH }])
  const again = part(blobId, uploadId)
  const second = await store.presignPart(again.target, Date.now() + LIFE_MS)
  const overwritten = await ask(second.url, { method: 'PUT', headers: second.headers, body: Buffer.from(again.bytes) })
  if (overwritten.ok) notes.fail('client.write-once', 'a second PUT overwrites an object', 'use another store')
  else notes.ok('client.write-once', 'it refuses to overwrite an object')
  const url = await store.presignGet(blobId, LENGTH, Date.now() + LIFE_MS)
  const range = await ask(url, { headers: { range: 'bytes=10-29', ...from } })
  const body = Buffer.from(await range.arrayBuffer())
  const fits = range.status === 206 && range.headers.get('content-range') === `bytes 10-29/${LENGTH}`
  if (fits && body.equals(Buffer.from(bytes).subarray(10, 30))) notes.ok('client.range', 'it serves ranges')
  else notes.fail('client.range', 'it does not serve ranges as it should', 'see that no cache stands in the way')
  return true
}

/** An address that was signed at the beginning, for a second; the store's clock may be some seconds behind. */
async function expiry(url: string, signedMs: number, notes: Notes): Promise<void> {
  await delay(Math.max(0, signedMs + SHORT_LIFE_MS + 200 - Date.now()))
  for (let attempt = 1; attempt <= EXPIRY_ATTEMPTS; attempt += 1) {
    if ((await ask(url, {})).status === 403) return notes.ok('client.expiry', 'addresses end when they should')
    await delay(SHORT_LIFE_MS)
  }
  notes.fail('client.expiry', 'an address works after its end', 'use another store, or set its clock')
}

/** What a browser asks before it sends, and what it lets a page see. */
async function browser(
  store: BlobStore,
  { blobId, uploadId, origin, cors }: { blobId: Uint8Array; uploadId: string; origin: string; cors: string },
  notes: Notes,
): Promise<void> {
  const { target } = part(randomBytes(16), uploadId)
  const put = await store.presignPart(target, Date.now() + LIFE_MS)
  const get = await store.presignGet(blobId, LENGTH, Date.now() + LIFE_MS)
  const mixed = origin.startsWith('https:') && put.url.startsWith('http:')
  if (mixed) {
    notes.fail(
      'browser.mixed',
      'the bucket is reached by plain HTTP, the web app by HTTPS: browsers block that',
      'give the endpoint of BLOB_URL HTTPS, or set BLOB_TRANSFER=proxy',
    )
  }
  const faults = [
    ...(await preflight(put.url, 'PUT', Object.keys(put.headers), origin)),
    ...(await preflight(get, 'GET', ['range'], origin)),
    ...(await visible(get, origin)),
  ]
  if (faults.length === 0) notes.ok('browser.cors', `browsers at ${origin} may put and get`)
  else notes.fail('browser.cors', `browsers at ${origin} are kept out: ${[...new Set(faults)].join('; ')}`, cors)
}

async function preflight(url: string, method: string, headers: readonly string[], origin: string): Promise<string[]> {
  const names = headers.map((name) => name.toLowerCase()).sort()
  const answer = await ask(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': names.join(','),
    },
  })
  if (!answer.ok) return [`the question before a ${method} is refused (${answer.status})`]
  const allows = (name: string, wanted: string): boolean => {
    const list = (answer.headers.get(name) ?? '').split(',').map((one) => one.trim().toLowerCase())
    return list.includes('*') || list.includes(wanted.toLowerCase())
  }
  return [
    ...(isAllowed(answer, origin) ? [] : ['the origin is not allowed']),
    ...(allows('access-control-allow-methods', method) ? [] : [`${method} is not allowed`]),
    ...names
      .filter((name) => !allows('access-control-allow-headers', name))
      .map((name) => `the header ${name} is not allowed`),
  ]
}

/** What a page may read of an answer. */
async function visible(url: string, origin: string): Promise<string[]> {
  const answer = await ask(url, { headers: { origin, range: 'bytes=0-9' } })
  const exposed = (answer.headers.get('access-control-expose-headers') ?? '').toLowerCase()
  const hidden = ['etag', 'content-range'].filter((name) => !exposed.includes(name) && exposed.trim() !== '*')
  return [
    ...(isAllowed(answer, origin) ? [] : ['answers are not shown to the page']),
    ...hidden.map((name) => `the header ${name} is not exposed`),
  ]
}

function isAllowed(answer: Response, origin: string): boolean {
  return ['*', origin].includes(answer.headers.get('access-control-allow-origin') ?? '')
}
