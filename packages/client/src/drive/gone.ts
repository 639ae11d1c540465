import { type BlobId, toHex } from '@strongroom/crypto'
import { decodeBytes } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'
import { ApiFailure } from '../transport/api.ts'

/** How often a file is uploaded at most, because the server had deleted the content before its commit. */
export const GONE_ATTEMPTS = 2

export const GONE_STREAM = 'The server has deleted content of a stream that cannot be read again.'
export const GONE_COPY = 'The server has deleted content of what was to be copied.'

/**
 * Tells whether a refused commit named this blob as deleted; null when the error is another one. Of a refusal that names
 * nobody, every blob is one of those meant.
 */
export function goneBlobs(error: unknown): ((blobId: BlobId) => boolean) | null {
  if (!(error instanceof ClientError) || !(error.cause instanceof ApiFailure)) return null
  const { code, details } = error.cause
  if (code !== 'blob_gone') return null
  const named = new Set<string>()
  for (const text of String(details.blobIds ?? '').split(',')) {
    const id = decodeBytes(text)
    if (id?.length === 16) named.add(toHex(id))
  }
  return (blobId) => named.size === 0 || named.has(toHex(blobId))
}
