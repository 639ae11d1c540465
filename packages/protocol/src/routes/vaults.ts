import { bytesBetween, digest, epoch, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { partSize, wrap } from './blobs.ts'
import { nextKeyring } from './keys.ts'

const vaultParams = z.strictObject({ vaultId: id })
const none = z.strictObject({})
const queryInteger = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Position of a vault's newest commit. */
export const head = z.object({ seq: safeInteger, hash: digest })

/** A sealed manifest and where it belongs: the commit whose state it describes, and the epoch of its key. */
const checkpoint = z.strictObject({
  seq: safeInteger,
  epoch,
  manifest: bytesBetween(1, LIMITS.checkpointBytes),
})

export const vaultHead = defineRoute({
  name: 'vaultHead',
  summary: 'The newest commit of a vault; with `after`, waits until it is another than that one.',
  method: 'GET',
  path: '/v1/vaults/:vaultId/head',
  auth: 'session',
  params: vaultParams,
  query: z.strictObject({
    /** The seq that the caller has: the answer waits for another, `headWaitMs` at most. */
    after: queryInteger.optional(),
  }),
  body: z.undefined(),
  response: head,
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'not_found', 'too_many_requests', 'unavailable'],
})

export const commitsRead = defineRoute({
  name: 'commitsRead',
  summary: 'Commits from a sequence number on, as they were appended, with the newest head.',
  method: 'GET',
  path: '/v1/vaults/:vaultId/commits',
  auth: 'session',
  params: vaultParams,
  query: z.strictObject({
    from: queryInteger,
    limit: z.coerce.number().int().min(1).max(LIMITS.commitsPerPage).optional(),
  }),
  body: z.undefined(),
  response: z.object({ head, commits: z.array(bytesBetween(1, LIMITS.commitBytes)) }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'not_found', 'unavailable'],
})

export const headersRead = defineRoute({
  name: 'headersRead',
  summary: 'Headers and signatures of commits without their bodies, and the sections of those that change members.',
  method: 'GET',
  path: '/v1/vaults/:vaultId/headers',
  auth: 'session',
  params: vaultParams,
  query: z.strictObject({
    from: queryInteger,
    limit: z.coerce.number().int().min(1).max(LIMITS.headersPerPage).optional(),
    /** `membership`: only those that change members or start an epoch. */
    only: z.enum(['membership']).optional(),
  }),
  body: z.undefined(),
  response: z.object({ head, headers: z.array(bytesBetween(1, LIMITS.commitBytes)) }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'not_found', 'unavailable'],
})

export const checkpointRead = defineRoute({
  name: 'checkpointRead',
  summary: 'The newest checkpoint of a vault, as it was named, with the head at that moment; null before the first.',
  method: 'GET',
  path: '/v1/vaults/:vaultId/checkpoint',
  auth: 'session',
  params: vaultParams,
  query: none,
  body: z.undefined(),
  response: z.object({
    head,
    checkpoint: checkpoint
      .extend({
        /** Sequence number of the commit that names it. */
        namedBySeq: safeInteger,
      })
      .nullable(),
  }),
  bodyLimit: LIMITS.bodyBytes,
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

export const commitAppend = defineRoute({
  name: 'commitAppend',
  summary: 'Appends a commit by compare-and-swap; wrapped DEKs of added blobs travel beside it.',
  method: 'POST',
  path: '/v1/vaults/:vaultId/commits',
  auth: 'session',
  params: vaultParams,
  query: none,
  body: z.strictObject({
    commit: bytesBetween(1, LIMITS.commitBytes),
    wraps: z.array(wrap).max(10_000),
    /** With a commit that names a checkpoint, and only then. */
    checkpoint: checkpoint.optional(),
    /** With a commit that changes members or starts an epoch: the keyring that knows it, stored at once or not at all. */
    keyring: nextKeyring.optional(),
    /** With a commit that changes the author's own card in their private vault, and only then. */
    card: bytesBetween(1, 4096).optional(),
  }),
  response: head,
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'forbidden',
    'not_found',
    'head_moved',
    'versions_moved',
    'blob_not_ready',
    'blob_gone',
    'commit_rejected',
    'quota_exceeded',
    'payload_too_large',
    'upgrade_required',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

/** What a device remembers of a stored blob: its length and the SHA-256 of each part, one after the other. */
const rememberedBlob = z.strictObject({
  blobId: id,
  blobLength: safeInteger.max(LIMITS.blobBytes),
  partSize,
  digests: bytesBetween(32, LIMITS.parts * 32),
})

export const vaultRestore = defineRoute({
  name: 'vaultRestore',
  summary: 'Gives commits back to a server that was set back to an older backup, for owners of the vault; idempotent.',
  method: 'POST',
  path: '/v1/vaults/:vaultId/restore',
  auth: 'session',
  params: vaultParams,
  query: none,
  body: z.strictObject({
    /** In order, verbatim, of any author; those that the server has only complete what is lost of their blobs. */
    commits: z
      .array(
        z.strictObject({
          commit: bytesBetween(1, LIMITS.commitBytes),
          /** Of blobs that the commit adds, as many as are known. */
          wraps: z.array(wrap).max(10_000),
          blobs: z.array(rememberedBlob).max(10_000),
          checkpoint: checkpoint.optional(),
        }),
      )
      .max(LIMITS.restoredCommits),
    /** The caller's own, stored when its version is newer. */
    keyring: z.strictObject({ version: safeInteger, sealed: bytesBetween(1, LIMITS.sealedBytes) }).optional(),
  }),
  response: z.object({
    head,
    /** Blobs that the vault refers to and that cannot be read: object, digest list or key is missing. */
    lost: safeInteger,
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'forbidden',
    'not_found',
    'head_moved',
    'blob_gone',
    'commit_rejected',
    'quota_exceeded',
    'payload_too_large',
    'upgrade_required',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})
