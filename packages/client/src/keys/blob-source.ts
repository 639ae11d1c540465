import { fetchSlices } from '../download/fetch-parts.ts'
import type { OpenBlob } from '../download/open.ts'
import { sliceRange } from '../download/range.ts'
import { type DriveContext, fetchContext } from '../drive/context.ts'
import type { SeekableSource } from '../ports.ts'
import type { RateLimiter } from '../transport/rate.ts'

/**
 * A stored content as something to upload: what is read is fetched, verified and decrypted then, a part at a time.
 * Parts of the same content under a new key begin and end where the old ones do, so that each is fetched once.
 */
export function blobSource(
  context: DriveContext,
  blob: OpenBlob,
  options: { readonly limiter: RateLimiter; readonly signal: AbortSignal | undefined },
): SeekableSource {
  return {
    kind: 'seekable',
    size: blob.layout.size,
    mtimeMs: 0,
    unchanging: true,
    open: async () => ({
      async read(offset, target) {
        let done = 0
        const slices = sliceRange(blob.layout, offset, target.length)
        // Reason: whoever reads has a place of the call already, and may have the last one.
        const reading = { limiter: options.limiter, signal: options.signal, jobs: 1 }
        for await (const { bytes, release } of fetchSlices(fetchContext(context), blob, slices, reading)) {
          target.set(bytes, done)
          done += bytes.length
          release()
        }
        return done
      },
      // A blob never changes.
      isUnchanged: async () => true,
      close: async () => {},
    }),
  }
}
