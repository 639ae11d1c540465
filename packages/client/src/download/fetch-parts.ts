import { partBlobRange } from '@strongroom/crypto'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { Clock, ContentCipher, DecryptedPart } from '../ports.ts'
import { type Flight, type Place, steadyFlight } from '../transport/flight.ts'
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
  /** Of the call; without it, `jobs` parts are under way. */
  readonly flight?: Flight | undefined
  readonly jobs: number
  readonly limiter: RateLimiter
  /** Key of the parts' `mac`s, which are those of whole parts. */
  readonly macKey?: Uint8Array | undefined
}

/**
 * Plaintext of slices, in their order. As many parts as there are places are fetched and decrypted ahead, and each keeps
 * its place until the caller asks for the next one, so memory is bounded however slowly they are taken. Every part is
 * verified whole before any byte of it is handed out.
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
  // Reason: nothing is ahead of a single part, and a signal of its own costs as much as decrypting a small one.
  const stop = slices.length > 1 ? new AbortController() : null
  const signal = signalOf(options.signal, stop?.signal)
  const flight = options.flight ?? steadyFlight(options.jobs)
  const ahead: { readonly part: Promise<DecryptedPart>; leave(): void }[] = []
  let next = 0
  const fetchHere = async (range: { offset: number; length: number }, place: Place) => {
    await options.limiter.take(range.length, signal)
    const ciphertext = await fetchPart(context, blob, { ...range, into: decryptor.lend(range.length) }, signal)
    place.arrived(range.length)
    return ciphertext
  }
  const start = (slice: PartSlice) => {
    const range = partBlobRange(blob.layout, slice.index)
    const entering = flight.enter(range.length, signal)
    const part = (async () => {
      // Invariant: places are given in the order of asking, so that the part which the caller waits for has one.
      const place = await entering
      const early = await blob.early?.()
      const ciphertext = early?.bytes ?? (await fetchHere(range, place))
      const digest = blob.digests.subarray(slice.index * 32, slice.index * 32 + 32)
      const { bytes, mac, release } = await decryptor.decryptPart(slice.index, ciphertext, digest)
      early?.release()
      return { bytes: bytes.subarray(slice.start, slice.end), mac, release }
    })()
    // Reason: a part that fails before its turn must not count as unhandled.
    part.catch(() => undefined)
    const leave = (): void =>
      void entering.then(
        (place) => place.leave(),
        () => undefined,
      )
    return { part, leave }
  }
  try {
    for (;;) {
      while (next < slices.length && ahead.length < flight.most) {
        const slice = slices[next]
        next += 1
        if (slice !== undefined) ahead.push(start(slice))
      }
      const first = ahead[0]
      if (first === undefined) return
      throwIfAborted(options.signal)
      yield await first.part
      ahead.shift()
      first.leave()
    }
  } finally {
    stop?.abort()
    await Promise.allSettled(ahead.map(({ part }) => part))
    for (const { leave } of ahead) leave()
    await decryptor.close()
  }
}

function signalOf(given: AbortSignal | undefined, own: AbortSignal | undefined): AbortSignal | undefined {
  return given === undefined || own === undefined ? (given ?? own) : AbortSignal.any([given, own])
}

/** One part as it is stored; nothing of it is verified. */
export async function fetchPart(
  context: FetchContext,
  blob: OpenBlob,
  range: { offset: number; length: number; into: Uint8Array<ArrayBuffer> },
  signal: AbortSignal | undefined,
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
