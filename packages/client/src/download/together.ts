import { LIMITS } from '@strongroom/protocol'
import { bufferPool } from '../content/buffers.ts'
import type { RateLimiter } from '../transport/rate.ts'
import type { StoreAccess } from '../transport/store.ts'
import type { OpenBlob } from './open.ts'

/** Bytes of one answer: several are in memory at once, and the first files should not wait long. */
const BYTES = LIMITS.inlineBytesPerRequest / 4

type Answer = Promise<Uint8Array<ArrayBuffer>[] | null>

interface Group {
  readonly blobs: OpenBlob[]
  length: number
  /** Parts of its answer that are not released yet. */
  left: number
  /** null before it is asked for. */
  answer: Answer | null
}

/**
 * Has small blobs come together, many in one answer, where the store can do that: gives each its `early`. An answer is
 * asked for when the first part of the one before is taken, and forgotten when the second one after it is asked for;
 * whoever comes later asks for a single part.
 *
 * Reason: a request costs client and server as much as a hundred kilobytes. Answers come into memory that is used again and
 * again: what it costs to find out that it is no longer needed is as much as decrypting what lay in it.
 */
export function fetchTogether(
  access: StoreAccess,
  blobs: readonly OpenBlob[],
  { limiter, signal }: { readonly limiter: RateLimiter; readonly signal?: AbortSignal | undefined },
): void {
  const groups = grouped(blobs)
  const rooms = bufferPool(BYTES)
  const fetch = async (group: Group): Answer => {
    await limiter.take(group.length, signal)
    const objects = group.blobs.map(({ url, layout }) => ({ url, length: layout.blobLength }))
    return await access.getMany(objects, rooms.take(group.length), signal)
  }
  const ask = (index: number): Answer => {
    const group = groups[index]
    if (group === undefined) return NOTHING
    group.answer ??= fetch(group)
    // Reason: one that is asked for ahead may never be taken.
    group.answer.catch(() => undefined)
    return group.answer
  }
  for (const [index, group] of groups.entries()) {
    for (const [place, blob] of group.blobs.entries()) {
      blob.early = async () => {
        delete blob.early
        const answer = ask(index)
        void ask(index + 1)
        const old = groups[index - 2]
        if (old !== undefined) old.answer = NOTHING
        const bytes = (await answer)?.[place]
        if (bytes === undefined) return null
        const release = () => {
          group.left -= 1
          if (group.left === 0) rooms.give(bytes)
        }
        return { bytes, release }
      }
    }
  }
}

const NOTHING: Answer = Promise.resolve(null)

/** Neighbours that fit into one answer; whoever would be alone in it is left out. */
function grouped(blobs: readonly OpenBlob[]): Group[] {
  const groups: Group[] = []
  for (const blob of blobs) {
    const length = blob.layout.blobLength
    if (blob.layout.partCount !== 1 || length > LIMITS.inlinePartBytes) continue
    const last = groups.at(-1)
    if (last !== undefined && last.length + length <= BYTES) {
      last.blobs.push(blob)
      last.length += length
      last.left += 1
    } else groups.push({ blobs: [blob], length, left: 1, answer: null })
  }
  return groups.filter((group) => group.blobs.length > 1)
}
