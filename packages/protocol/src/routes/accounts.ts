import { bytesBetween, bytesOf, digest, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { auditHead } from './audit.ts'

const none = z.strictObject({})
/** Login name as typed. */
export const login = z.string().min(1).max(LIMITS.loginLength)
/** A message of OPAQUE, in base64url. */
export const opaqueMessage = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[A-Za-z0-9_-]+$/)
/** Version of an envelope or keyring. */
export const version = safeInteger.min(1)
const token = bytesOf(32)

/** As it was typed: six digits of the authenticator, or a backup code. */
export const secondFactorCode = z.string().min(1).max(64)

/** An invitation as it was typed; the server reads it in any case and with any spaces and dashes. */
const invite = z.string().min(1).max(64)

/** A new session. */
export const session = {
  accountId: id,
  /** Bearer token, shown once; where a cookie was asked for, the name that requests call it by, which is no secret. */
  token,
  expiresAtMs: safeInteger,
  /** The server's half of the key that seals the account key on the device. */
  serverHalf: bytesOf(32),
}

export const registerStart = defineRoute({
  name: 'registerStart',
  summary: 'OPAQUE registration, first message.',
  method: 'POST',
  path: '/v1/register/start',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ login, request: opaqueMessage, invite: invite.optional() }),
  response: z.object({ response: opaqueMessage }),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'registration_closed',
    'invite_required',
    'invite_invalid',
    'too_many_requests',
    'unavailable',
  ],
})

export const registerFinish = defineRoute({
  name: 'registerFinish',
  summary: 'Creates the account in one transaction, from the OPAQUE record to the genesis commit.',
  method: 'POST',
  path: '/v1/register/finish',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({
    login,
    /** Chosen by the client, random. */
    accountId: id,
    /** OPAQUE registration record. */
    record: opaqueMessage,
    /** Account key under the password: method 1, version 1. */
    passwordEnvelope: bytesBetween(1, 1024),
    /** Account key under the recovery key: method 2, version 1. */
    recoveryEnvelope: bytesBetween(1, 1024),
    /** SHA-256 of the recovery key's authentication branch. */
    recoveryAuthHash: digest,
    /** Identity card, encoded and signed. */
    card: bytesBetween(1, 4096),
    /** Sealed keyring, version 1. */
    keyring: bytesBetween(1, LIMITS.sealedBytes),
    /** Genesis commit of the private vault. */
    genesis: bytesBetween(1, LIMITS.commitBytes),
    /** Used up by the account that this makes, and by nothing else. */
    invite: invite.optional(),
  }),
  response: z.object(session),
  bodyLimit: LIMITS.registrationBodyBytes,
  errors: [
    'bad_request',
    'registration_closed',
    'invite_required',
    'invite_invalid',
    'login_taken',
    'account_exists',
    'commit_rejected',
    'upgrade_required',
    'too_many_requests',
    'unavailable',
  ],
})

export const loginStart = defineRoute({
  name: 'loginStart',
  summary: 'OPAQUE login, first message; unknown accounts get an answer of the same form.',
  method: 'POST',
  path: '/v1/login/start',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ login, request: opaqueMessage }),
  response: z.object({ loginId: id, response: opaqueMessage }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'too_many_requests', 'unavailable'],
})

/** Id of a device that had none for any account before; the session is that device's from the beginning. */
const newDevice = id.optional()

/** A session and the sealed keys: what a login ends in. */
const signedIn = z.object({
  ...session,
  passwordEnvelope: bytesBetween(1, 1024),
  passwordEnvelopeVersion: version,
  keyring: bytesBetween(1, LIMITS.sealedBytes),
  keyringVersion: version,
})

export const loginFinish = defineRoute({
  name: 'loginFinish',
  summary: 'OPAQUE login, third message; answers with a session and the sealed keys, or asks for the second factor.',
  method: 'POST',
  path: '/v1/login/finish',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ loginId: id, request: opaqueMessage, newDevice }),
  response: z.union([
    z.object({
      /** Ticket that goes with the code; good for five minutes and five tries. */
      secondFactor: id,
    }),
    signedIn,
  ]),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'login_failed',
    'account_disabled',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

export const loginSecondFactor = defineRoute({
  name: 'loginSecondFactor',
  summary: 'The code that a login asked for; answers with a session and the sealed keys.',
  method: 'POST',
  path: '/v1/login/second-factor',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ ticket: id, code: secondFactorCode, newDevice }),
  response: signedIn,
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'login_failed',
    'second_factor_failed',
    'too_many_requests',
    'stored_data_damaged',
    'keys_frozen',
    'unavailable',
  ],
})

export const logout = defineRoute({
  name: 'logout',
  summary: 'Ends the session that asks.',
  method: 'POST',
  path: '/v1/logout',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'unavailable'],
})

export const account = defineRoute({
  name: 'account',
  summary: 'The account of the session: usage, quota and the sealed keyring.',
  method: 'GET',
  path: '/v1/account',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({
    accountId: id,
    /** Stored and reserved ciphertext, bytes. */
    usedBytes: safeInteger,
    quotaBytes: safeInteger,
    keyring: bytesBetween(1, LIMITS.sealedBytes),
    keyringVersion: version,
    audit: auditHead,
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'stored_data_damaged', 'keys_frozen', 'unavailable'],
})
