import type { BlobId, Dek } from '@strongroom/crypto'
import type { UploadJournal } from '../journal/upload-journal.ts'
import type { ContentCipher, Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import type { Flight } from '../transport/flight.ts'
import type { RateLimiter } from '../transport/rate.ts'
import type { StoreAccess } from '../transport/store.ts'

/** What sends blobs: routes and presigned URLs, no keys. */
export interface UploadChannel {
  readonly api: Api
  readonly access: StoreAccess
}

export interface UploadContext extends UploadChannel {
  readonly platform: Platform
  readonly content: ContentCipher
}

export interface UploadOptions {
  readonly signal?: AbortSignal | undefined
  readonly flight: Flight
  readonly limiter: RateLimiter
  /** Told of plaintext bytes as they are stored; may be negative when an upload starts again. */
  readonly onBytes: (bytes: number) => void
  /** Of this one content; without it an interrupted upload begins anew. */
  readonly journal?: UploadJournal | undefined
}

/** A stored blob, not yet visible: what a commit needs to name it. The receiver disposes of the DEK. */
export interface UploadedContent {
  readonly blobId: BlobId
  readonly dek: Dek
  readonly header: Uint8Array
  readonly size: number
  readonly blobLength: number
  readonly partSize: number
  readonly partsRoot: Uint8Array
  readonly dekTimeMs: number
  /** Modification time of the source, where it changed and was read again; else null. */
  readonly laterMtimeMs: number | null
  /** Whether the vault refers to the blob already: an earlier attempt was committed. Its key needs no new wrap. */
  readonly inVault: boolean
}
