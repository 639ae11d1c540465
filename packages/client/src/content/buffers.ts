/** Buffers of one size, used again and again: freshly faulted memory costs as much as encrypting into it. */
export interface BufferPool {
  /** A view of `length` bytes over a buffer that nobody else has; what it holds is left over from earlier. */
  take(length: number): Uint8Array<ArrayBuffer>
  /** Takes a view's buffer back; foreign buffers are let go. */
  give(bytes: Uint8Array): void
  /** Wipes and forgets what is not in use. */
  clear(): void
}

/** A pool of buffers of `size` bytes each; it grows to as many as are in use at once. */
export function bufferPool(size: number): BufferPool {
  let free: ArrayBuffer[] = []
  return {
    take: (length) => new Uint8Array(free.pop() ?? new ArrayBuffer(size), 0, length),
    give({ buffer }) {
      if (buffer instanceof ArrayBuffer && buffer.byteLength === size && !free.includes(buffer)) free.push(buffer)
    },
    clear() {
      for (const buffer of free) new Uint8Array(buffer).fill(0)
      free = []
    },
  }
}
