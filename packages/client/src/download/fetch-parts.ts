import { partBlobRange } from '@strongroom/crypto'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { Clock, ContentCipher, DecryptedPart } from '../ports.ts'
import type { RateLimiter } from '../transport/rate.ts'
import { withRetries } from '../transport/retry.ts'
import { type StoreAccess, UrlRefused } from '../transport/store.ts'
import type { OpenBlob } from './open.ts'
import type { PartSlice } from './range.ts'

/** How often a refused URL is asked for anew. */
const URL_ATTEMPTS = 4

export interface FetchContext {
  readonly access: StoreAccess
  readonly clock: Clock
  readonly random: () => number
  readonly content: ContentCipher
  /** Gets a new presigned URL for the blob. */
  readonly renew: (blob: OpenBlob, signal: AbortSignal | undefined) => Promise<void>
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined
  readonly jobs: number
  readonly limiter: RateLimiter
  /** Key of the parts' `mac`s, which are those of whole parts. */
  readonly macKey?: Uint8Array | undefined
}

/**
 * Plaintext of slices, in their order. Up to `jobs` parts are fetched and decrypted ahead, so memory is bounded however
 * slowly the caller takes them. Every part is verified whole before any byte of it is handed out.
 *
 * @throws ClientError `integrity` for a part that is not the signed one; it is not asked for again
 */
export async function* fetchSlices(
  context: FetchContext,
  blob: OpenBlob,
  slices: readonly PartSlice[],
  options: FetchOptions,
): AsyncGenerator<DecryptedPart> {
  const { header, blobId } = blob.record
  const { layout, dek } = blob
  const decryptor = await context.content.decryptor({ header, layout, dek, blobId, macKey: options.macKey })
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const ahead: Promise<DecryptedPart>[] = []
  let next = 0
  const start = (slice: PartSlice): Promise<DecryptedPart> => {
    const part = (async () => {
      const range = partBlobRange(blob.layout, slice.index)
      const early = (await blob.early?.()) ?? null
      if (early === null) await options.limiter.take(range.length, signal)
      const ciphertext =
        early ?? (await fetchPart(context, blob, { ...range, into: decryptor.lend(range.length) }, signal))
      const digest = blob.digests.subarray(slice.index * 32, slice.index * 32 + 32)
      const { bytes, mac, release } = await decryptor.decryptPart(slice.index, ciphertext, digest)
      return { bytes: bytes.subarray(slice.start, slice.end), mac, release }
    })()
    // Reason: a part that fails before its turn must not count as unhandled.
    part.catch(() => undefined)
    return part
  }
  try {
    for (;;) {
      while (next < slices.length && ahead.length < options.jobs) {
        const slice = slices[next]
        next += 1
        if (slice !== undefined) ahead.push(start(slice))
      }
      const part = ahead.shift()
      if (part === undefined) return
      throwIfAborted(options.signal)
      yield await part
    }
  } finally {
    stop.abort()
    await Promise.allSettled(ahead)
    await decryptor.close()
  }
}

/** One part as it is stored; nothing of it is verified. */
export async function fetchPart(
  context: FetchContext,
  blob: OpenBlob,
  range: { offset: number; length: number; into: Uint8Array<ArrayBuffer> },
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withRetries({ clock: context.clock, random: context.random, signal }, async () => {
        if (blob.renewAtMs < context.clock.nowMs()) await context.renew(blob, signal)
        return await context.access.getRange({ url: blob.url, ...range, total: blob.layout.blobLength, signal })
      })
    } catch (error) {
      if (!(error instanceof UrlRefused)) throw error
      if (attempt >= URL_ATTEMPTS) throw new ClientError('server', 'The store refuses the addresses it is given.')
      await context.renew(blob, signal)
    }
  }
}
