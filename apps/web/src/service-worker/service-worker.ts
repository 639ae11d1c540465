import { answerMedia, type MediaQuestion } from './media.ts'
import { pulledStream } from './pulled-stream.ts'

/*
 * Keeps the files of uploads while a tab reloads: a page loses what it was given, this worker holds on to it for as long
 * as it is told to stay awake. It reads nothing of them.
 *
 * Streams downloads to disk. A tab hands over a port under a random id and then opens `/stream/<id>` in a hidden frame;
 * chunks are pulled through the port, a few more when the disk has taken one. Nothing is cached, nothing decrypted here.
 */

/** What a tab announces. */
export interface StreamAnnouncement {
  readonly type: 'stream'
  readonly id: string
  /** As the saved file is called. */
  readonly name: string
  readonly size: number | null
}

/** An upload that a tab wants to find again after a reload. */
export interface KeptUpload {
  readonly id: string
  /** Hex; whoever signs in next may be someone else. */
  readonly accountId: string
  /** Life of the page that sends it; see [Note: Lives]. */
  readonly life: string
  readonly path: string
  readonly conflict: 'replace' | 'keep-both' | 'skip'
  /** Whether nothing lay in its place when it was asked for. */
  readonly isNew: boolean
  readonly file: File
}

interface Client {
  postMessage(message: MediaQuestion, transfer: Transferable[]): void
}

/** What tabs say. */
export type TabWord =
  | StreamAnnouncement
  | { readonly type: 'keep'; readonly uploads: readonly KeptUpload[] }
  | { readonly type: 'drop'; readonly ids: readonly string[] }
  /** From a page that has no service worker; see [Note: Uncontrolled pages]. */
  | { readonly type: 'claim' }
  /** Answered on the port with all that is kept. */
  | { readonly type: 'kept' }
  /** A page that shows a drawing, once, at `/drawing/<id>`; answered on the port. */
  | { readonly type: 'drawing'; readonly id: string; readonly page: Blob }
  /** Answered on the port, if there is one, with what differs for each life of this worker. */
  | { readonly type: 'alive' }

interface Announced extends StreamAnnouncement {
  readonly port: MessagePort
}

interface FetchEventLike extends Event {
  readonly request: Request
  /** Empty for navigations. */
  readonly clientId: string
  respondWith(response: Response | Promise<Response>): void
}

interface LifecycleEvent extends Event {
  waitUntil(promise: Promise<unknown>): void
}

interface WorkerScope extends EventTarget {
  readonly clients: { claim(): Promise<void>; get(id: string): Promise<Client | undefined> }
  readonly location: Location
  /** Garbage, see [Note: Sent bodies]; in a place where no build takes it for dead code. */
  weight?: ArrayBuffer
  skipWaiting(): Promise<void>
}

// Reason for the cast: the DOM types describe pages, and this is a service worker.
const scope = self as unknown as WorkerScope
const announced = new Map<string, Announced>()
const drawings = new Map<string, Blob>()
const kept = new Map<string, KeptUpload>()
const ownLife = crypto.randomUUID()

scope.addEventListener('install', (event) => (event as LifecycleEvent).waitUntil(scope.skipWaiting()))
scope.addEventListener('activate', (event) => (event as LifecycleEvent).waitUntil(scope.clients.claim()))

scope.addEventListener('message', (event) => {
  const { data, ports } = event as MessageEvent<TabWord>
  const port = ports[0]
  if (data.type === 'keep') for (const upload of data.uploads) kept.set(upload.id, upload)
  if (data.type === 'drop') for (const id of data.ids) kept.delete(id)
  if (data.type === 'kept') port?.postMessage([...kept.values()])
  if (data.type === 'claim') void scope.clients.claim()
  if (data.type === 'alive') port?.postMessage(ownLife)
  if (data.type === 'stream' && port !== undefined) {
    announced.set(data.id, { ...data, port })
    port.postMessage('ready')
  }
  if (data.type === 'drawing') {
    drawings.set(data.id, data.page)
    port?.postMessage('ready')
  }
})

// [Note: Sent bodies] Chromium hands this worker every request of its pages, and keeps the body of each for as long as the
// Request object here is not collected. Such objects are small, so nothing makes the collector run: after 2 GiB of an upload
// the browser would have no memory left for another part. Garbage of a few parts lets V8 feel more than the true weight; the
// pages behind it are never touched, so it costs no memory. The same goes for pieces of downloads that were passed on.
const WEIGHT = 4
const PART_BYTES = 8 * 1024 * 1024

scope.addEventListener('fetch', (event) => {
  const { request } = event as FetchEventLike
  if (request.method === 'PUT') scope.weight = new ArrayBuffer(WEIGHT * PART_BYTES)
  const url = new URL(request.url)
  if (url.origin !== scope.location.origin) return
  const { respondWith } = event as FetchEventLike
  if (url.pathname.startsWith(STREAM)) respondWith.call(event, answer(url.pathname.slice(STREAM.length)))
  if (url.pathname.startsWith(DRAWING)) respondWith.call(event, drawing(url.pathname.slice(DRAWING.length)))
  if (url.pathname.startsWith(MEDIA))
    respondWith.call(event, media(event as FetchEventLike, url.pathname.slice(MEDIA.length)))
})

const STREAM = '/stream/'
const MEDIA = '/media/'
const DRAWING = '/drawing/'

async function media({ request, clientId }: FetchEventLike, id: string): Promise<Response> {
  const tab = clientId === '' ? undefined : await scope.clients.get(clientId)
  return await answerMedia(
    id,
    { method: request.method, range: request.headers.get('range') },
    tab ?? null,
    SAME_ORIGIN,
    stream,
  )
}

/** What comes through a port, whose pieces weigh as much as they do; see [Note: Sent bodies]. */
function stream(port: MessagePort): ReadableStream<Uint8Array> {
  return pulledStream(port, (length) => {
    scope.weight = new ArrayBuffer(WEIGHT * length)
  })
}

function answer(id: string): Response {
  const download = announced.get(id)
  announced.delete(id)
  if (download === undefined) return new Response(null, { status: 404, headers: SAME_ORIGIN })
  return new Response(stream(download.port), {
    headers: {
      ...SAME_ORIGIN,
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeName(download.name)}`,
      ...(download.size === null ? {} : { 'content-length': String(download.size) }),
    },
  })
}

/** See [Note: Drawings]; styles inline, since nothing that an attacker wrote is part of the page. */
const DRAWING_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"

function drawing(id: string): Response {
  const page = drawings.get(id)
  drawings.delete(id)
  if (page === undefined) return new Response(null, { status: 404, headers: SAME_ORIGIN })
  return new Response(page, {
    headers: {
      ...SAME_ORIGIN,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': DRAWING_POLICY,
    },
  })
}

const SAME_ORIGIN = {
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
}

/** RFC 8187. */
function encodeName(name: string): string {
  return encodeURIComponent(name.replaceAll(/[\p{Cc}/\\]/gu, '_')).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
