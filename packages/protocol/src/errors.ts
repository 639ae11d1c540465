import * as z from './zod.ts'

/** Every error that the API answers: its HTTP status and what the caller should do. */
export const ERRORS = {
  bad_request: { status: 400, advice: 'The request does not match the API description; mend the request.' },
  unauthenticated: { status: 401, advice: 'No session was given; log in.' },
  session_expired: { status: 401, advice: 'The session ended or was revoked; log in again.' },
  login_failed: { status: 401, advice: 'Login name or password is wrong; check both and try again.' },
  second_factor_required: { status: 401, advice: 'The account has a second factor; send a code of it too.' },
  second_factor_failed: {
    status: 401,
    advice: 'The code is wrong, too old, or was used before; wait for the next one, or use a backup code.',
  },
  recovery_failed: {
    status: 401,
    advice: 'Login name or recovery key is wrong, or the recovery took too long; check both and begin again.',
  },
  forbidden: { status: 403, advice: 'This account may not do that.' },
  account_disabled: { status: 403, advice: 'The operator has disabled this account; nothing of it was deleted.' },
  registration_closed: { status: 403, advice: 'This server takes no new accounts; ask its operator.' },
  invite_required: {
    status: 403,
    advice: 'This server takes invited people only; ask its operator for an invitation.',
  },
  invite_invalid: {
    status: 403,
    advice: 'The invitation is unknown, used up, expired or revoked; ask the operator for another.',
  },
  keys_frozen: { status: 403, advice: "The keys of this account are disabled or gone; ask the server's operator." },
  url_invalid: { status: 403, advice: 'The presigned URL is expired or was changed; ask for a new one.' },
  not_found: { status: 404, advice: 'There is no such thing, or it belongs to someone else.' },
  method_not_allowed: { status: 405, advice: 'The path takes other methods; see the Allow header.' },
  login_taken: { status: 409, advice: 'The login name is in use; choose another.' },
  account_exists: { status: 409, advice: 'The account id is in use; choose a new random id.' },
  vaults_shared: {
    status: 409,
    advice: 'The account owns vaults that others use too; hand them over or remove the others first.',
  },
  head_moved: { status: 409, advice: 'Someone committed first; fetch the newer commits, verify them and try again.' },
  versions_moved: {
    status: 409,
    advice: 'Another device changed these keys first; read them again, then decide anew.',
  },
  second_factor_conflict: {
    status: 409,
    advice: 'The second factor is on already, is off, or was begun anew elsewhere; look at its state and begin again.',
  },
  blob_conflict: { status: 409, advice: 'The blob id or part exists with other content; choose a new blob.' },
  blob_not_ready: { status: 409, advice: 'The blob is not stored completely; upload its parts and complete it first.' },
  blob_gone: { status: 409, advice: 'The blob was deleted; upload its content again under a new id.' },
  payload_too_large: { status: 413, advice: 'The body is larger than the route takes; send less at once.' },
  unsupported_media_type: { status: 415, advice: 'Send JSON, or what the API description names beside it.' },
  range_invalid: { status: 416, advice: 'The range lies outside the object.' },
  commit_rejected: { status: 422, advice: 'The commit breaks a rule of the vault log; the reason is in details.' },
  digest_mismatch: { status: 422, advice: 'The bytes received do not match their announced digest; send them again.' },
  upgrade_required: { status: 426, advice: 'A version is not spoken here; upgrade the older side.' },
  too_many_requests: { status: 429, advice: 'Wait for the time in Retry-After, then try again.' },
  internal: { status: 500, advice: 'The server failed; give its operator the request id.' },
  stored_data_damaged: {
    status: 500,
    advice: 'Stored bytes no longer verify: someone changed or removed them; tell the operator.',
  },
  unavailable: { status: 503, advice: 'A dependency is down; wait for the time in Retry-After, then try again.' },
  quota_exceeded: { status: 507, advice: 'The account has no room for this; remove something or ask for more.' },
  storage_full: { status: 507, advice: 'The server has no room left; its operator must add some.' },
} as const

export type ApiErrorCode = keyof typeof ERRORS

/** All error codes, in the catalogue's order. */
export const ERROR_CODES = Object.keys(ERRORS) as [ApiErrorCode, ...ApiErrorCode[]]

/** What stands in the body of every answer of status 400 and above. */
export const errorBody = z.object({
  code: z.string(),
  message: z.string(),
  requestId: z.string(),
  /** More for machines; never a secret, a name or content. */
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
})
export type ErrorBody = z.infer<typeof errorBody>
