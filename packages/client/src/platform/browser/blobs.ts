import { ClientError } from '../../errors.ts'
import type { FileSink, LocalFile, SeekableSource } from '../../ports.ts'

/** A `File` or `Blob` as a source; reading fails once the file behind it has changed. */
export function blobSource(blob: Blob, mtimeMs = 0): SeekableSource {
  return {
    kind: 'seekable',
    size: blob.size,
    mtimeMs: blob instanceof File ? blob.lastModified : mtimeMs,
    local: blob instanceof File ? placeOf(blob) : undefined,
    async open() {
      return {
        async read(offset, target) {
          try {
            const bytes = new Uint8Array(await blob.slice(offset, offset + target.length).arrayBuffer())
            target.set(bytes)
            return bytes.length
          } catch (cause) {
            throw new ClientError('source_changed', 'The source changed while it was read.', { cause })
          }
        },
        isUnchanged: async () => true,
        close: async () => {},
      }
    },
  }
}

/** Collects a download; `blob` is there once `get` has returned. */
export function blobSink(type = 'application/octet-stream'): FileSink & { readonly blob: Blob | null } {
  let result: Blob | null = null
  return {
    get blob() {
      return result
    },
    async open() {
      let parts: BlobPart[] = []
      return {
        async write(bytes) {
          parts.push(bytes.slice())
        },
        async commit() {
          result = new Blob(parts, { type })
        },
        async abort() {
          parts = []
        },
      }
    },
  }
}

/** Pages learn no paths: name, size and time stand for the place. Whoever resumes compares the content. */
function placeOf(file: File): LocalFile {
  const path = `${file.name}\n${file.size}\n${file.lastModified}`
  return { path, identity: path, blob: file }
}
