import type { FileHandle } from 'node:fs/promises'

/** Bytes after which a file's content is sent on its way to the disk. */
const FLUSH_BYTES = 32 * 1024 * 1024

/** What a file that is written from its beginning to its end tells of itself. */
export interface EarlyFlush {
  /** `bytes` more were written. */
  wrote(bytes: number): void
  /** Waits until no flush is under way. A disk that refused one of them is told here, because the next may not tell. */
  settled(): Promise<void>
}

/**
 * Flushes a long file while the rest of it arrives, so that the flush at its end finds little left to do: a system lets
 * hundreds of megabytes lie in memory before it begins by itself, and whoever wants them on disk then waits for all.
 */
export function flushEarly(file: Pick<FileHandle, 'datasync'>): EarlyFlush {
  let unflushed = 0
  let flush: Promise<void> | null = null
  let refused: { readonly error: unknown } | null = null
  const begin = async () => {
    try {
      await file.datasync()
    } catch (error) {
      refused ??= { error }
    }
    flush = null
  }
  return {
    wrote(bytes) {
      unflushed += bytes
      if (unflushed < FLUSH_BYTES || flush !== null || refused !== null) return
      unflushed = 0
      flush = begin()
    },
    async settled() {
      await flush
      if (refused !== null) throw refused.error
    },
  }
}
