export type BlobStoreErrorCode =
  /** Bytes received differ from their announced SHA-256. */
  | 'digest_mismatch'
  /** More or fewer bytes than announced. */
  | 'length_mismatch'
  /** The object exists already, with other content. */
  | 'exists'
  /** `complete` names a part (etag, digest, length) that the store does not have. */
  | 'part_missing'
  | 'not_found'
  | 'range_invalid'
  /** Stored bytes are cut or do not belong together: someone changed them. */
  | 'damaged'
  /** The store has no room left; nothing was kept. */
  | 'full'
  /** The store cannot be reached; try again later. */
  | 'unavailable'

/** What every adapter throws; `code` tells the caller what to do. */
export class BlobStoreError extends Error {
  readonly code: BlobStoreErrorCode
  /** Index of the part that is meant, where it is one. */
  readonly part: number | undefined

  constructor(code: BlobStoreErrorCode, message: string, options: ErrorOptions & { part?: number } = {}) {
    super(message, options)
    this.name = 'BlobStoreError'
    this.code = code
    this.part = options.part
  }
}

export interface StoredPart {
  readonly etag: string
  readonly sha256: Uint8Array
  readonly length: number
}

/** One upload of one blob. */
export interface UploadRef {
  readonly blobId: Uint8Array
  /** What `createUpload` returned. */
  readonly uploadId: string
}

export interface PartTarget extends UploadRef {
  readonly index: number
  /** Bytes. */
  readonly length: number
  readonly sha256: Uint8Array
}

export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/**
 * Immutable ciphertext objects, by blob id. Nothing of a blob is readable before `putWhole` or `complete` returned;
 * afterwards its bytes never change. What a method has returned for is durable. All methods throw `BlobStoreError`.
 */
export interface ObjectStore {
  readonly kind: string
  /**
   * Stores a whole object, write-once. Repeating it with the same bytes succeeds.
   * @throws `digest_mismatch`, `exists` (other bytes), `full`
   */
  putWhole(blobId: Uint8Array, bytes: Uint8Array, sha256: Uint8Array): Promise<void>
  /**
   * Begins an upload; returns the id that parts and completion name (≤ 1,024 characters of `[A-Za-z0-9_.~-]`).
   * `single`: the object will have exactly one part, so that a store may take it by one write-once PUT.
   */
  createUpload(blobId: Uint8Array, single: boolean): Promise<string>
  /**
   * Makes an upload visible as one object, atomically: exactly `parts`, in order (1 … 10,000), each of which the store
   * confirms by etag, SHA-256 and length. Repeating it succeeds; if the upload is gone, the finished object is
   * compared by length.
   * @throws `part_missing` (with the index of the first one, where the store can tell), `exists`, `full`
   */
  complete(upload: UploadRef, parts: readonly StoredPart[]): Promise<void>
  /** Drops an unfinished upload; succeeds where there is none. */
  abort(upload: UploadRef): Promise<void>
  /** Length in bytes of a finished object, or null. */
  stat(blobId: Uint8Array): Promise<{ length: number } | null>
  /** Bytes of a finished object; the whole of it without `range`. @throws `not_found`, `range_invalid` */
  read(blobId: Uint8Array, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>
  /** Deletes a finished object; succeeds where there is none. */
  delete(blobId: Uint8Array): Promise<void>
  /** Every finished object, in any order; length 0 for one that is damaged. */
  list(): AsyncIterable<{ blobId: Uint8Array; length: number; modifiedMs: number }>
  /** Every upload that was begun and neither completed nor aborted, in any order. */
  listUploads(): AsyncIterable<UploadRef>
  /** A small named object of the server's own (`[a-z0-9-]+`), beside the blobs; null where there is none. */
  readNamed(name: string): Promise<Uint8Array | null>
  /** Creates a named object, write-once and race-safe: false, and nothing changed, where it exists already. */
  createNamed(name: string, bytes: Uint8Array): Promise<boolean>
  /** Puts a named object in the place of whatever is there, whole or not at all. */
  replaceNamed(name: string, bytes: Uint8Array): Promise<void>
  /** Resolves when the store can be read and written. */
  check(): Promise<void>
  close(): Promise<void>
}

/** An object store whose bytes go through this server's own `/v1/store` routes; the server signs the URLs. */
export interface ServedObjectStore extends ObjectStore {
  /**
   * Writes one part of an upload, streaming, and returns its etag. Another PUT of the same index with another digest
   * may exist beside it; `complete` picks the one it names.
   * @throws `length_mismatch`, `digest_mismatch`, `full`; `not_found` where the upload was completed or aborted
   */
  writePart(target: PartTarget, body: AsyncIterable<Uint8Array>): Promise<{ etag: string }>
}

/** Where and how a client sends a part. */
export interface PresignedPart {
  readonly url: string
  /** To be sent as they are. */
  readonly headers: Readonly<Record<string, string>>
}

/** An object store that clients reach by presigned URLs: what the domain uses. */
export interface BlobStore extends ObjectStore {
  /** Origins that its URLs name; empty where they are relative to the server. */
  readonly origins: readonly string[]
  /** A PUT of exactly these bytes; the URL signs length and SHA-256. */
  presignPart(target: PartTarget, expiresAtMs: number): Promise<PresignedPart>
  /** A GET of a finished object of `length` bytes, with or without Range. */
  presignGet(blobId: Uint8Array, length: number, expiresAtMs: number): Promise<string>
}
