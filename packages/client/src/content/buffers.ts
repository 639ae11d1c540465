/** Buffers of one size, used again and again: freshly faulted memory costs as much as encrypting into it. */
export interface BufferPool {
  /** A view of `length` bytes over a buffer that nobody else has; what it holds is left over from earlier. */
  take(length: number): Uint8Array<ArrayBuffer>
  /** Takes a view's buffer back; foreign buffers are let go. */
  give(bytes: Uint8Array): void
  /** Wipes what is not in use. */
  wipe(): void
  /** Wipes and forgets what is not in use. */
  clear(): void
}

/** Makes memory for a pool. */
export type MakeBuffer = (size: number) => ArrayBuffer

/**
 * Memory that threads share.
 *
 * Reason: a buffer that is transferred counts as new memory in the thread that gets it, which then collects garbage all
 * the time.
 */
// Reason for the cast: nobody asks such memory for what only the other kind can do; `remoteCipher` does not transfer it.
export const sharedBuffer: MakeBuffer = (size) => new SharedArrayBuffer(size) as unknown as ArrayBuffer

/** A pool of buffers of `size` bytes each; it grows to as many as are in use at once. */
export function bufferPool(size: number, make: MakeBuffer = (bytes) => new ArrayBuffer(bytes)): BufferPool {
  let free: ArrayBuffer[] = []
  const wipe = (): void => {
    for (const buffer of free) new Uint8Array(buffer).fill(0)
  }
  return {
    take: (length) => new Uint8Array(free.pop() ?? make(size), 0, length),
    give(bytes) {
      const buffer = bytes.buffer as ArrayBuffer // Of the kind that `make` makes.
      if (buffer.byteLength === size && !free.includes(buffer)) free.push(buffer)
    },
    wipe,
    clear() {
      wipe()
      free = []
    },
  }
}

/** A pool that several contents share while any of them is open. */
export interface SharedPools {
  /** The pool of this size; whoever opens it closes it, and the last one wipes and forgets what it holds. */
  open(size: number): { readonly pool: BufferPool; close(): void }
  /**
   * Has what nobody uses lie ready for contents to come, wiped, until all who asked for that have called what they got;
   * of one size at a time.
   */
  keep(): () => void
}

interface SharedPool {
  readonly pool: BufferPool
  users: number
}

/** Reason: with a pool for each file, a tree of files leaves the memory of all of them to the garbage collector. */
export function sharedPools(make?: MakeBuffer): SharedPools {
  const open = new Map<number, SharedPool>()
  let keepers = 0
  const forgetIdle = (except: number | null): void => {
    for (const [size, { users }] of open) if (users === 0 && size !== except) open.delete(size)
  }
  return {
    open(size) {
      forgetIdle(size)
      const entry = open.get(size) ?? { pool: bufferPool(size, make), users: 0 }
      open.set(size, entry)
      entry.users += 1
      return {
        pool: entry.pool,
        close() {
          entry.users -= 1
          if (entry.users > 0) return
          if (keepers > 0) entry.pool.wipe()
          else {
            entry.pool.clear()
            open.delete(size)
          }
        },
      }
    },
    keep() {
      keepers += 1
      return () => {
        keepers -= 1
        if (keepers === 0) forgetIdle(null)
      }
    },
  }
}
