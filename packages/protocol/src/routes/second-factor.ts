import { bytesOf, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { secondFactorCode } from './accounts.ts'
import { passwordProof } from './credentials.ts'

const none = z.strictObject({})

/** Made by the client, so that it can show them although an answer was lost: 50 bits each, Crockford base32. */
const backupCodes = z
  .array(z.string().regex(/^[0-9A-HJKMNP-TV-Z]{10}$/))
  .length(LIMITS.backupCodes)
  .refine((codes) => new Set(codes).size === codes.length)

export const secondFactorRead = defineRoute({
  name: 'secondFactorRead',
  summary: 'Whether the account asks for a second factor, and how many backup codes are left.',
  method: 'GET',
  path: '/v1/account/second-factor',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({ enabled: z.boolean(), backupCodesLeft: safeInteger }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'unavailable'],
})

export const secondFactorBegin = defineRoute({
  name: 'secondFactorBegin',
  summary: 'Makes a TOTP secret, which counts once a code of it was shown; replaces one that was never confirmed.',
  method: 'POST',
  path: '/v1/account/second-factor/begin',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ proof: passwordProof }),
  response: z.object({
    enrolmentId: id,
    /** RFC 6238 with SHA-1, six digits, 30 seconds. */
    secret: bytesOf(20),
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'login_failed',
    'second_factor_conflict',
    'too_many_requests',
    'unavailable',
  ],
})

export const secondFactorConfirm = defineRoute({
  name: 'secondFactorConfirm',
  summary: 'Turns the second factor on, with its backup codes; the code shows that the authenticator has the secret.',
  method: 'POST',
  path: '/v1/account/second-factor/confirm',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ enrolmentId: id, code: secondFactorCode, backupCodes }),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'second_factor_failed',
    'second_factor_conflict',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

export const secondFactorDisable = defineRoute({
  name: 'secondFactorDisable',
  summary: 'Turns the second factor off; takes the password and a code.',
  method: 'POST',
  path: '/v1/account/second-factor/disable',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ proof: passwordProof, code: secondFactorCode }),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'login_failed',
    'second_factor_failed',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

export const secondFactorCodes = defineRoute({
  name: 'secondFactorCodes',
  summary: 'Puts new backup codes in the place of the old ones; takes a code.',
  method: 'POST',
  path: '/v1/account/second-factor/backup-codes',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ code: secondFactorCode, backupCodes }),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'second_factor_failed',
    'second_factor_conflict',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})
