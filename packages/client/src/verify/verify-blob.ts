import { equalBytes, partBlobRange } from '@strongroom/crypto'
import { type FetchOptions, fetchPart } from '../download/fetch-parts.ts'
import type { OpenBlob } from '../download/open.ts'
import { type DriveContext, fetchContext } from '../drive/context.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { PartDecryptor } from '../ports.ts'

export interface BlobCheck {
  readonly transfer: FetchOptions
  readonly decrypt: boolean
  /** Parts that an earlier run has compared. */
  readonly from: number
  /** Called with each number of parts, from the first on, that are done; and the bytes of the last. */
  readonly onParts: (parts: number, bytes: number) => void
}

/** A part that is not the signed one. */
interface BadPart {
  readonly part: number
}

/**
 * Fetches every part of a blob, padding included, and compares it with its signed digest. Up to `jobs` parts are in
 * memory.
 *
 * @returns the first part that differs, or null
 * @throws ClientError where it could not be fetched
 */
export async function verifyBlob(context: DriveContext, blob: OpenBlob, check: BlobCheck): Promise<BadPart | null> {
  const { partCount } = blob.layout
  const { transfer } = check
  const stop = new AbortController()
  const signal = transfer.signal === undefined ? stop.signal : AbortSignal.any([transfer.signal, stop.signal])
  const compare = await comparison(context, blob, check.decrypt)
  const done = new Set<number>()
  let [next, prefix] = [check.from, check.from]
  let bad: number | null = null
  const lane = async (): Promise<void> => {
    while (next < partCount && bad === null) {
      throwIfAborted(transfer.signal)
      const index = next
      next += 1
      const range = partBlobRange(blob.layout, index)
      await transfer.limiter.take(range.length, signal)
      const bytes = await fetchPart(fetchContext(context), blob, { ...range, into: compare.lend(range.length) }, signal)
      if (!(await compare.isRight(index, bytes))) {
        bad = Math.min(index, bad ?? index)
        return
      }
      done.add(index)
      while (done.delete(prefix)) prefix += 1
      check.onParts(prefix, range.length)
    }
  }
  try {
    const lanes = Math.min(transfer.jobs, partCount - check.from)
    const results = await Promise.allSettled(
      Array.from({ length: lanes }, () =>
        lane().catch((error: unknown) => {
          stop.abort()
          throw error
        }),
      ),
    )
    const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown)
    // The others were only told to stop.
    const first = failed.find((error) => !(error instanceof ClientError && error.code === 'aborted')) ?? failed[0]
    if (first !== undefined && bad === null) throw first
    return bad === null ? null : { part: bad }
  } finally {
    await compare.close()
  }
}

interface Comparison {
  lend(length: number): Uint8Array<ArrayBuffer>
  isRight(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean>
  close(): Promise<void>
}

async function comparison(context: DriveContext, blob: OpenBlob, decrypt: boolean): Promise<Comparison> {
  const digestOf = (index: number) => blob.digests.subarray(index * 32, index * 32 + 32)
  if (decrypt) {
    const { header, blobId } = blob.record
    const decryptor = await context.platform.content.decryptor({ header, layout: blob.layout, dek: blob.dek, blobId })
    return byDecrypting(decryptor, digestOf)
  }
  const { engine } = context.platform
  // Reason: freshly faulted memory costs as much as the hashing.
  const pool: Uint8Array<ArrayBuffer>[] = []
  return {
    lend(length) {
      const kept = pool.pop()
      return kept !== undefined && kept.length >= length ? kept : new Uint8Array(length)
    },
    async isRight(index, bytes) {
      const right = equalBytes(await engine.sha256(bytes), digestOf(index))
      pool.push(new Uint8Array(bytes.buffer))
      return right
    },
    close: async () => undefined,
  }
}

function byDecrypting(decryptor: PartDecryptor, digestOf: (index: number) => Uint8Array): Comparison {
  return {
    lend: (length) => decryptor.lend(length),
    async isRight(index, bytes) {
      try {
        const part = await decryptor.decryptPart(index, bytes, digestOf(index))
        part.release()
        return true
      } catch (error) {
        if (error instanceof ClientError && error.code === 'integrity') return false
        throw error
      }
    },
    close: () => decryptor.close(),
  }
}
