import { createHash } from 'node:crypto'
import {
  CompleteMultipartUploadCommand,
  type HeadObjectCommandOutput,
  ListPartsCommand,
  type Part,
} from '@aws-sdk/client-s3'
import { BlobStoreError, type StoredPart, type UploadRef } from '../../ports/index.ts'
import { type Bucket, bareEtag, base64 } from './s3-client.ts'
import { ifNotFound } from './s3-errors.ts'

/** Upload id of an object that is sent by a single PUT. */
export const SINGLE = 'single'
/** A store may take minutes to put a large object together. */
const COMPLETE_MS = 120_000

/** The id that clients and rows name, of one that a store gave: any text there, few characters here. */
export function toUploadId(given: string): string {
  return /^[A-Za-z0-9_.~-]{1,1000}$/.test(given) ? `m.${given}` : `b.${Buffer.from(given).toString('base64url')}`
}

/** The store's id of an upload of several parts; null for any other. */
export function fromUploadId(uploadId: string): string | null {
  if (uploadId.startsWith('m.')) return uploadId.slice(2)
  return uploadId.startsWith('b.') ? Buffer.from(uploadId.slice(2), 'base64url').toString() : null
}

/** Whether digests are the same; nothing secret. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

/** The objects of a bucket, as far as ending an upload needs them. */
export interface Objects {
  keyOf(blobId: Uint8Array): string
  head(blobId: Uint8Array): Promise<HeadObjectCommandOutput | null>
  digestOf(blobId: Uint8Array): Promise<Uint8Array>
}

/** Makes what ends uploads: the port's `complete`. */
export function completion(
  bucket: Bucket,
  { keyOf, head, digestOf }: Objects,
): (upload: UploadRef, parts: readonly StoredPart[]) => Promise<void> {
  const { client, name: Bucket, features, ask, pageSize } = bucket

  /** Every part that an upload has by now, by number; null where there is no such upload. */
  async function listParts(Key: string, UploadId: string): Promise<Map<number, Part> | null> {
    const found = new Map<number, Part>()
    for (let marker: string | undefined; ; ) {
      const input = {
        Bucket,
        Key,
        UploadId,
        MaxParts: pageSize,
        ...(marker === undefined ? {} : { PartNumberMarker: marker }),
      }
      const page = await ask((settings) => client.send(new ListPartsCommand(input), settings)).catch(ifNotFound(null))
      if (page === null) return null
      for (const part of page.Parts ?? []) found.set(part.PartNumber ?? 0, part)
      if (page.IsTruncated !== true || page.NextPartNumberMarker === marker) return found
      marker = page.NextPartNumberMarker
    }
  }

  /** Resolves when the finished object is made of these parts, as far as the store can tell. */
  async function compareWithFinished(blobId: Uint8Array, parts: readonly StoredPart[]): Promise<void> {
    const found = await head(blobId)
    if (found === null) throw new BlobStoreError('part_missing', 'no such upload')
    const total = parts.reduce((sum, part) => sum + part.length, 0)
    if (found.ContentLength !== total || !hasPartsOf(found, parts, features.etagIsMd5)) throw taken()
  }

  async function completeSingle(blobId: Uint8Array, parts: readonly StoredPart[]): Promise<void> {
    const [part, second] = parts
    const found = part === undefined || second !== undefined ? null : await head(blobId)
    if (part === undefined || found === null) {
      throw new BlobStoreError('part_missing', 'the object was not sent', { part: 0 })
    }
    // `*`: the client was told that there is an object already, after an answer to it had got lost.
    const isNamed = part.etag === '*' || bareEtag(part.etag) === bareEtag(found.ETag)
    if (!isNamed) throw new BlobStoreError('part_missing', 'another ETag than the object has', { part: 0 })
    if (found.ContentLength !== part.length) throw taken()
    if (found.ChecksumSHA256 !== undefined) {
      if (found.ChecksumSHA256 !== base64(part.sha256)) throw taken()
    } else if (part.etag === '*' && !equal(await digestOf(blobId), part.sha256)) throw taken()
  }

  async function completeParts(blobId: Uint8Array, UploadId: string, parts: readonly StoredPart[]): Promise<void> {
    const Key = keyOf(blobId)
    const [listed, finished] = await Promise.all([listParts(Key, UploadId), head(blobId)])
    // A store may still list the parts of an upload that it has completed.
    if (listed === null || finished !== null) return compareWithFinished(blobId, parts)
    const named = parts.map(({ etag, sha256, length }, index) => {
      const found = listed.get(index + 1)
      const isSame =
        found !== undefined &&
        bareEtag(found.ETag) === bareEtag(etag) &&
        found.Size === length &&
        (found.ChecksumSHA256 === undefined || found.ChecksumSHA256 === base64(sha256))
      if (!isSame) throw new BlobStoreError('part_missing', `part ${index} is not stored`, { part: index })
      const checksum = found.ChecksumSHA256 === undefined ? {} : { ChecksumSHA256: found.ChecksumSHA256 }
      return { PartNumber: index + 1, ETag: found.ETag, ...checksum }
    })
    const input = { Bucket, Key, UploadId, MultipartUpload: { Parts: named } }
    await ask((settings) => client.send(new CompleteMultipartUploadCommand(input), settings), COMPLETE_MS).catch(
      async (error: unknown) => {
        if (!(error instanceof BlobStoreError) || error.code !== 'not_found') throw error
        await compareWithFinished(blobId, parts)
      },
    )
  }

  return async ({ blobId, uploadId }, parts) => {
    const UploadId = fromUploadId(uploadId)
    if (parts.length === 0) throw new BlobStoreError('part_missing', 'an object has at least one part')
    if (uploadId === SINGLE) return completeSingle(blobId, parts)
    return UploadId === null ? compareWithFinished(blobId, parts) : completeParts(blobId, UploadId, parts)
  }
}

export function taken(): BlobStoreError {
  return new BlobStoreError('exists', 'the object exists with other content')
}

/** Whether checksum or ETag of a finished object are those that its parts give; true where the store has neither. */
function hasPartsOf(found: HeadObjectCommandOutput, parts: readonly StoredPart[], etagIsMd5: boolean): boolean {
  const suffix = `-${parts.length}`
  if (found.ChecksumSHA256?.endsWith(suffix) === true) {
    const digest = createHash('sha256')
      .update(Buffer.concat(parts.map((part) => part.sha256)))
      .digest()
    return found.ChecksumSHA256 === base64(digest) + suffix
  }
  const etags = parts.map((part) => bareEtag(part.etag))
  if (!etagIsMd5 || !etags.every((etag) => /^[0-9a-f]{32}$/.test(etag))) return true
  const digest = createHash('md5')
    .update(Buffer.from(etags.join(''), 'hex'))
    .digest('hex')
  return bareEtag(found.ETag) === digest + suffix
}
