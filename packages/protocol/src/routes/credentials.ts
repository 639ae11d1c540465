import { bytesBetween, bytesOf, digest, id } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { login, opaqueMessage, session, version } from './accounts.ts'

const none = z.strictObject({})

/** Proof of the current password inside a session: the third message of a login begun with `loginStart`. */
export const passwordProof = z.strictObject({ loginId: id, request: opaqueMessage })

/** Of the password envelope, the recovery envelope and the keyring. */
const versions = z.strictObject({ password: version, recovery: version, keyring: version })

const envelope = bytesBetween(1, 1024)
const recoveryId = bytesOf(32)

export const credentialsStart = defineRoute({
  name: 'credentialsStart',
  summary: 'OPAQUE registration inside a session, first message: for a new password, or a new login name.',
  method: 'POST',
  path: '/v1/account/credentials/start',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ login, request: opaqueMessage }),
  response: z.object({ response: opaqueMessage }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'unavailable'],
})

export const credentialsRead = defineRoute({
  name: 'credentialsRead',
  summary: 'The recovery envelope, for a test of the recovery key, and the versions of all sealed keys.',
  method: 'GET',
  path: '/v1/account/credentials',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({ versions, recoveryEnvelope: envelope }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'stored_data_damaged', 'keys_frozen', 'unavailable'],
})

export const credentialsChange = defineRoute({
  name: 'credentialsChange',
  summary:
    'Replaces password, recovery key or keyring at once, by compare-and-swap on all three versions; other sessions end with a new password or keyring.',
  method: 'POST',
  path: '/v1/account/credentials',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    proof: passwordProof,
    /** As the client saw them; each given part gets the version after its own. */
    expected: versions,
    password: z
      .strictObject({
        /** Under which the record was made; another one than before is a change of the login name. */
        login,
        /** OPAQUE registration record. */
        record: opaqueMessage,
        envelope,
      })
      .optional(),
    /** The password envelope alone, for a new account key under the same password; not beside `password`. */
    passwordEnvelope: envelope.optional(),
    recovery: z
      .strictObject({
        envelope,
        /** SHA-256 of the recovery key's authentication branch. */
        authHash: digest,
      })
      .optional(),
    keyring: bytesBetween(1, LIMITS.sealedBytes).optional(),
  }),
  response: z.object({ versions }),
  bodyLimit: LIMITS.sealedBodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'login_failed',
    'login_taken',
    'versions_moved',
    'payload_too_large',
    'unavailable',
  ],
})

export const recoveryTested = defineRoute({
  name: 'recoveryTested',
  summary: 'Notes in the audit log that the recovery key was tested.',
  method: 'POST',
  path: '/v1/account/recovery/tested',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'unavailable'],
})

export const recoveryOpen = defineRoute({
  name: 'recoveryOpen',
  summary:
    "Begins a recovery: the recovery key's authentication branch, then a code where the account has a second factor; answers with the sealed keys.",
  method: 'POST',
  path: '/v1/recovery/open',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({
    login,
    auth: bytesOf(32),
    /** Of the second factor, or a backup code. */
    code: z.string().min(1).max(64).optional(),
  }),
  response: z.object({
    /** Good for half an hour, and for one recovery. */
    recoveryId,
    accountId: id,
    versions,
    recoveryEnvelope: envelope,
    keyring: bytesBetween(1, LIMITS.sealedBytes),
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'recovery_failed',
    'second_factor_required',
    'second_factor_failed',
    'account_disabled',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

export const recoveryStart = defineRoute({
  name: 'recoveryStart',
  summary: 'OPAQUE registration for the new password of a recovery, first message.',
  method: 'POST',
  path: '/v1/recovery/start',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ recoveryId, request: opaqueMessage }),
  response: z.object({ response: opaqueMessage }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'recovery_failed', 'too_many_requests', 'unavailable'],
})

export const recoveryFinish = defineRoute({
  name: 'recoveryFinish',
  summary: 'Replaces password and recovery key at once, ends all sessions and answers with a new one.',
  method: 'POST',
  path: '/v1/recovery/finish',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({
    recoveryId,
    /** OPAQUE registration record. */
    record: opaqueMessage,
    /** Of the version after the one that `recoveryOpen` told; so are the next ones. */
    passwordEnvelope: envelope,
    recoveryEnvelope: envelope,
    recoveryAuthHash: digest,
  }),
  response: z.object(session),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'recovery_failed', 'account_disabled', 'versions_moved', 'too_many_requests', 'unavailable'],
})
