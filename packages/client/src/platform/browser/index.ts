import { webCryptoEngine } from '@strongroom/crypto'
import { inlineCipher } from '../../content/inline.ts'
import type { Platform, StateStore } from '../../ports.ts'
import { loadedOpaque } from '../../session/loaded-opaque.ts'
import { fetchTransport } from '../../transport/fetch.ts'
import { remoteCipher } from '../../workers/remote-cipher.ts'
import { remoteOpaque } from '../../workers/remote-opaque.ts'
import { systemClock } from '../clock.ts'
import { memoryStore } from './memory-store.ts'
import { startPageWorker } from './page-worker.ts'

export { blobSink, blobSource } from './blobs.ts'
export { databaseStore } from './database-store.ts'
export { memoryStore } from './memory-store.ts'

export interface BrowserPlatformOptions {
  /** Where the device's state lives; default in memory, gone with the page. */
  readonly store?: StateStore | undefined
  /** Keep the tokens of sessions in cookies, for pages that the server itself serves; default in the store. */
  readonly cookies?: boolean | undefined
  /** Makes the workers that encrypt content and stretch passwords; default where the platform is used. */
  readonly workers?: BrowserWorkers | undefined
}

/** Each makes a new worker, whose script calls `serveContent` or `serveOpaque`. */
export interface BrowserWorkers {
  readonly content: () => Worker
  readonly opaque: () => Worker
}

/** Browsers open six connections to a server that speaks HTTP/1.1, and what else is asked for needs some of them. */
const MOST_PARTS = 4

/** Browsers: WebCrypto, fetch, and a store of the caller's choice. */
export function browserPlatform(options: BrowserPlatformOptions = {}): Platform {
  const engine = webCryptoEngine()
  const { workers } = options
  return {
    engine,
    transport: fetchTransport(fetchWithBlobs),
    store: options.store ?? memoryStore(),
    clock: systemClock,
    opaque: workers === undefined ? loadedOpaque() : remoteOpaque(startPageWorker(workers.opaque)),
    content: workers === undefined ? inlineCipher(engine) : remoteCipher(engine, startPageWorker(workers.content)),
    cookies: options.cookies,
    mostParts: MOST_PARTS,
  }
}

/**
 * `fetch` with byte bodies as Blobs, which browsers send many times faster than buffers.
 *
 * [Note: Weight of Blobs] A Blob is a small object here, however much the browser keeps for it until the object is
 * collected. Chromium's collector does not see that weight, and a long upload would fill the browser's memory. So each
 * Blob leaves garbage of several times its size behind, whose pages are never touched: it costs nothing but brings the collector.
 */
function fetchWithBlobs(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const { body } = init
  if (!ArrayBuffer.isView(body)) return fetch(input, init)
  left.weight = new ArrayBuffer(WEIGHT * body.byteLength)
  // Reason for the cast: shared memory is never passed here.
  return fetch(input, { ...init, body: new Blob([body as BlobPart]) })
}

/** With 1, Chromium keeps about 100 MiB of sent bodies. */
const WEIGHT = 4

/** Reason for an object: no build takes what is assigned to it for dead code. */
const left: { weight: ArrayBuffer | null } = { weight: null }
