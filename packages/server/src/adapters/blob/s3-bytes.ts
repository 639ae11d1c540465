import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { BlobStoreError } from '../../ports/index.ts'
import { bucketError } from './s3-errors.ts'

export interface Announced {
  /** Bytes; more than 0. */
  readonly length: number
  readonly sha256: Uint8Array
}

/**
 * Passes a stream on, and its end only where it is what was announced.
 *
 * Invariant: of a body that is not, the store never gets the last byte, so that it keeps nothing of it, whatever it
 * checks itself.
 *
 * @throws BlobStoreError `length_mismatch`, `digest_mismatch`
 */
export async function* checked(body: AsyncIterable<Uint8Array>, announced: Announced): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  let length = 0
  let last: Uint8Array | null = null
  for await (const chunk of body) {
    if (chunk.length === 0) continue
    length += chunk.length
    if (length > announced.length) throw new BlobStoreError('length_mismatch', 'more bytes than announced')
    hash.update(chunk)
    if (last !== null) yield last
    last = chunk.subarray(chunk.length - 1)
    if (chunk.length > 1) yield chunk.subarray(0, chunk.length - 1)
  }
  if (length < announced.length) throw new BlobStoreError('length_mismatch', 'fewer bytes than announced')
  if (!hash.digest().equals(announced.sha256)) throw new BlobStoreError('digest_mismatch', 'the digest differs')
  if (last !== null) yield last
}

/**
 * Bytes of an answer, `length` of them.
 * @throws BlobStoreError `unavailable` where none come for `silenceMs`
 */
export async function* answered(body: Readable, length: number, silenceMs: number): AsyncGenerator<Uint8Array> {
  let left = length
  let timer: NodeJS.Timeout | undefined
  const wait = () => {
    clearTimeout(timer)
    timer = setTimeout(() => body.destroy(new BlobStoreError('unavailable', 'the bucket went silent')), silenceMs)
  }
  try {
    wait()
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      // The time that whoever takes the bytes needs does not count.
      clearTimeout(timer)
      left -= chunk.length
      if (left < 0) break
      yield chunk
      wait()
    }
  } catch (error) {
    throw bucketError(error)
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
  if (left !== 0) throw new BlobStoreError('unavailable', 'the bucket answered another number of bytes')
}
