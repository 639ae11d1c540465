import type { SeekableSource } from '../ports.ts'

/** Bytes in memory as something to upload; they must not change meanwhile. */
export function memorySource(bytes: Uint8Array, mtimeMs: number): SeekableSource {
  return {
    kind: 'seekable',
    size: bytes.length,
    mtimeMs,
    open: async () => ({
      async read(offset, target) {
        const part = bytes.subarray(offset, offset + target.length)
        target.set(part)
        return part.length
      },
      isUnchanged: async () => true,
      close: async () => {},
    }),
  }
}
