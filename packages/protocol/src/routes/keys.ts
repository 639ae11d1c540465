import { bytesBetween, bytesOf, digest, epoch, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { wrap } from './blobs.ts'

const none = z.strictObject({})

/** A sealed keyring and the version that it takes the place of. */
export const nextKeyring = z.strictObject({
  expectedVersion: safeInteger.min(1),
  sealed: bytesBetween(1, LIMITS.sealedBytes),
})

export const keyringReplace = defineRoute({
  name: 'keyringReplace',
  summary: "Replaces the sealed keyring by compare-and-swap on its version, with the account's signature.",
  method: 'PUT',
  path: '/v1/account/keyring',
  auth: 'session',
  params: none,
  query: none,
  body: nextKeyring.extend({ signature: bytesOf(64) }),
  response: z.object({ keyringVersion: safeInteger.min(1) }),
  bodyLimit: LIMITS.sealedBodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'versions_moved', 'payload_too_large', 'unavailable'],
})

export const serverKeys = defineRoute({
  name: 'serverKeys',
  summary: "What the server says of its own keys around the account's: scope, ages, what is under way.",
  method: 'GET',
  path: '/v1/account/server-keys',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({
    /** Whether the account has a key of the key service of its own. */
    scope: z.enum(['shared', 'per-user']),
    outerKeyVersion: safeInteger.min(1),
    outerKeyMs: safeInteger,
    /** Since when the key service's key is in use; null where it is not known. */
    kmsKeyMs: safeInteger.nullable(),
    rotating: z.boolean(),
    /** Wrapped keys under older keys of their vault, of contents that have newer ones too. */
    olderWraps: safeInteger,
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'stored_data_damaged', 'unavailable'],
})

export const wrapsAdd = defineRoute({
  name: 'wrapsAdd',
  summary: "Adds wrapped DEKs under the vault's newest epoch, for its writers; one that is there is never replaced.",
  method: 'POST',
  path: '/v1/wraps',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ vaultId: id, wraps: z.array(wrap).min(1).max(LIMITS.batch) }),
  response: z.object({
    /** Those that were not there; wraps of blobs to which the vault no longer refers are left out. */
    added: safeInteger,
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'forbidden',
    'not_found',
    'head_moved',
    'payload_too_large',
    'unavailable',
  ],
})

export const wrapsConfirm = defineRoute({
  name: 'wrapsConfirm',
  summary: 'An owner confirms wraps of the newest epoch; older ones of these blobs go after the grace.',
  method: 'POST',
  path: '/v1/wraps/confirm',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    vaultId: id,
    epoch,
    /** Ascending by blob id. */
    wraps: z
      .array(z.strictObject({ blobId: id, sha256: digest }))
      .min(1)
      .max(LIMITS.batch),
    signature: bytesOf(64),
  }),
  response: z.object({
    /** Those that are stored as they were confirmed. */
    confirmed: safeInteger,
  }),
  bodyLimit: LIMITS.batchBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'forbidden',
    'not_found',
    'head_moved',
    'payload_too_large',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})
