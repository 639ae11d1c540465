import { webCryptoEngine } from '@strongroom/crypto'
import { inlineCipher } from '../../content/inline.ts'
import type { Platform, StateStore } from '../../ports.ts'
import { inlineOpaque } from '../../session/opaque.ts'
import { fetchTransport } from '../../transport/fetch.ts'
import { systemClock } from '../clock.ts'
import { memoryStore } from './memory-store.ts'

export { blobSink, blobSource } from './blobs.ts'
export { databaseStore } from './database-store.ts'
export { memoryStore } from './memory-store.ts'

export interface BrowserPlatformOptions {
  /** Where the device's state lives; default in memory, gone with the page. */
  readonly store?: StateStore | undefined
  /** Keep the tokens of sessions in cookies, for pages that the server itself serves; default in the store. */
  readonly cookies?: boolean | undefined
}

/** Browsers: WebCrypto, fetch, and a store of the caller's choice. */
export function browserPlatform(options: BrowserPlatformOptions = {}): Platform {
  const engine = webCryptoEngine()
  return {
    engine,
    transport: fetchTransport(fetchWithBlobs),
    store: options.store ?? memoryStore(),
    clock: systemClock,
    opaque: inlineOpaque(),
    content: inlineCipher(engine),
    cookies: options.cookies,
  }
}

/** `fetch` with byte bodies as Blobs, which browsers send many times faster than buffers. */
function fetchWithBlobs(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const { body } = init
  // Reason for the cast: shared memory is never passed here.
  return fetch(input, ArrayBuffer.isView(body) ? { ...init, body: new Blob([body as BlobPart]) } : init)
}
