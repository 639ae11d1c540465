import { bytesBetween, digest, epoch, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'

const none = z.strictObject({})
const blobLength = safeInteger.max(LIMITS.blobBytes)
const partLength = z.number().int().min(1).max(LIMITS.partBytes)
export const partSize = z.union([1, 2, 4, 8].map((factor) => z.literal(factor * 8 * 1024 * 1024)))
const partIndex = z
  .number()
  .int()
  .min(0)
  .max(LIMITS.parts - 1)
const etag = z.string().min(1).max(200)

/** A wrapped DEK: which blob, under which vault epoch, sealed. */
export const wrap = z.strictObject({ blobId: id, epoch, bytes: bytesBetween(LIMITS.wrapBytes, LIMITS.wrapBytes) })

export const blobsReserve = defineRoute({
  name: 'blobsReserve',
  summary: 'Reserves ids and quota; a blob of one small part may bring it along and is then stored at once.',
  method: 'POST',
  path: '/v1/blobs',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    blobs: z
      .array(
        z.strictObject({
          blobId: id,
          /** Ciphertext bytes; null while the length is not known: quota then grows with the parts. */
          blobLength: blobLength.nullable(),
          partSize,
          /** The only part, for blobs of at most `inlinePartBytes`. */
          part: z.strictObject({ sha256: digest, bytes: bytesBetween(1, LIMITS.inlinePartBytes) }).optional(),
          /** The same in a framed body: so many of the bytes behind the JSON, one blob's after the other's. */
          framedPart: z
            .strictObject({ sha256: digest, length: z.number().int().min(1).max(LIMITS.inlinePartBytes) })
            .optional(),
        }),
      )
      .min(1)
      .max(LIMITS.batch),
  }),
  response: z.object({
    blobs: z.array(
      z.object({
        blobId: id,
        state: z.enum(['reserved', 'stored', 'live', 'condemned']),
      }),
    ),
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  framed: true,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'blob_conflict',
    'blob_gone',
    'digest_mismatch',
    'payload_too_large',
    'quota_exceeded',
    'storage_full',
    'too_many_requests',
    'unavailable',
  ],
})

export const blobsParts = defineRoute({
  name: 'blobsParts',
  summary: 'Presigned URLs for encrypted parts; each signs its length and checksum.',
  method: 'POST',
  path: '/v1/blobs/parts',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    parts: z
      .array(z.strictObject({ blobId: id, index: partIndex, length: partLength, sha256: digest }))
      .min(1)
      .max(LIMITS.batch),
  }),
  response: z.object({
    parts: z.array(
      z.object({
        blobId: id,
        index: partIndex,
        url: z.string(),
        /** Headers to send as they are. */
        headers: z.record(z.string(), z.string()),
        expiresAtMs: safeInteger,
      }),
    ),
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'not_found',
    'blob_conflict',
    'blob_gone',
    'quota_exceeded',
    'unavailable',
  ],
})

export const blobsComplete = defineRoute({
  name: 'blobsComplete',
  summary: 'Ends uploads: the store must confirm every part. Idempotent.',
  method: 'POST',
  path: '/v1/blobs/complete',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    blobs: z
      .array(
        z.strictObject({
          blobId: id,
          blobLength,
          parts: z.array(z.strictObject({ etag, sha256: digest })).max(LIMITS.parts),
        }),
      )
      .min(1)
      .max(LIMITS.batch),
  }),
  response: z.object({}),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'not_found',
    'blob_conflict',
    'blob_not_ready',
    'blob_gone',
    'storage_full',
    'unavailable',
  ],
})

export const blobsOpen = defineRoute({
  name: 'blobsOpen',
  summary: 'What is needed to read blobs: wrapped DEKs, digest lists and presigned URLs.',
  method: 'POST',
  path: '/v1/blobs/open',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ vaultId: id, blobIds: z.array(id).min(1).max(LIMITS.batch) }),
  response: z.object({
    blobs: z.array(
      z.object({
        blobId: id,
        blobLength,
        /** Newest epoch first. */
        wraps: z.array(wrap),
        /** SHA-256 of each part, one after the other; empty for an empty blob. */
        digests: bytesBetween(0, LIMITS.parts * 32),
        /** GET, with or without Range. */
        url: z.string(),
        expiresAtMs: safeInteger,
      }),
    ),
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'not_found',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})
