import { statfs } from 'node:fs/promises'
import { BlobStoreError } from '../../ports/index.ts'

const MOST_KEPT_FREE = 512 * 1024 * 1024
const PART_KEPT_FREE = 1 / 8

/**
 * Refuses writes that would leave too little room on the disk of `folder`; what it admits counts until it has been
 * written.
 *
 * Reason: the embedded database lies on the same disk by default. Content that is refused in time is answered with
 * `storage_full`; a database without room for its log stops.
 *
 * @throws BlobStoreError `full`
 */
export function freeSpaceGuard(folder: string): <T>(bytes: number, write: () => Promise<T>) => Promise<T> {
  let admitted = 0
  return async (bytes, write) => {
    admitted += bytes
    try {
      const { bavail, blocks, bsize } = await statfs(folder)
      const keep = Math.min(MOST_KEPT_FREE, blocks * bsize * PART_KEPT_FREE)
      if (bavail * bsize - admitted < keep) throw new BlobStoreError('full', 'the disk of the blob store is full')
      return await write()
    } finally {
      admitted -= bytes
    }
  }
}
