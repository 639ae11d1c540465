import { statfs } from 'node:fs/promises'
import { BlobStoreError } from '../../ports/index.ts'

const MOST_KEPT_FREE = 512 * 1024 * 1024
const PART_KEPT_FREE = 1 / 8
/** How long what the system said counts, in milliseconds; the database writes little in that time. */
const KNOWN_MS = 250

/**
 * Refuses writes that would leave too little room on the disk of `folder`. The system is asked now and then, not for each of
 * a thousand small files; all that was admitted since counts as well, and nothing is refused without asking.
 *
 * Reason: the embedded database lies on the same disk by default. Content that is refused in time is answered with
 * `storage_full`; a database without room for its log stops.
 *
 * @throws BlobStoreError `full`
 */
export function freeSpaceGuard(folder: string): <T>(bytes: number, write: () => Promise<T>) => Promise<T> {
  /** Bytes that are being written. */
  let admitted = 0
  /** Bytes that may still be admitted, as far as is known. */
  let left = 0
  let askedMs = Number.NEGATIVE_INFINITY

  async function ask(): Promise<void> {
    const begun = performance.now()
    const before = admitted
    const { bavail, blocks, bsize } = await statfs(folder)
    const keep = Math.min(MOST_KEPT_FREE, blocks * bsize * PART_KEPT_FREE)
    // What has been admitted meanwhile may or may not be among what the system saw.
    left = bavail * bsize - keep - Math.max(before, admitted)
    askedMs = begun
  }

  return async (bytes, write) => {
    if (bytes > left || performance.now() - askedMs > KNOWN_MS) {
      await ask()
      if (bytes > left) throw new BlobStoreError('full', 'the disk of the blob store is full')
    }
    left -= bytes
    admitted += bytes
    try {
      return await write()
    } finally {
      admitted -= bytes
    }
  }
}
