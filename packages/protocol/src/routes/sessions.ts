import { bytesOf, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'

const none = z.strictObject({})

export const sessionsList = defineRoute({
  name: 'sessionsList',
  summary: "The account's sessions, the last used first.",
  method: 'GET',
  path: '/v1/sessions',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({
    sessions: z.array(
      z.object({
        sessionId: id,
        /** Random id of the device's profile, whose name only the account can read; null before it was sent. */
        deviceId: id.nullable(),
        createdAtMs: safeInteger,
        /** To about an hour. */
        usedAtMs: safeInteger,
        expiresAtMs: safeInteger,
        /** Whether this is the session that asks. */
        current: z.boolean(),
      }),
    ),
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'unavailable'],
})

export const sessionDevice = defineRoute({
  name: 'sessionDevice',
  summary: 'Says which device the session that asks belongs to.',
  method: 'PUT',
  path: '/v1/sessions/current/device',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({ deviceId: id }),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'unavailable'],
})

export const sessionRevoke = defineRoute({
  name: 'sessionRevoke',
  summary: "Ends one of the account's sessions.",
  method: 'DELETE',
  path: '/v1/sessions/:sessionId',
  auth: 'session',
  params: z.strictObject({ sessionId: id }),
  query: none,
  body: z.undefined(),
  response: z.object({}),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'not_found', 'unavailable'],
})

export const sessionsRevokeOthers = defineRoute({
  name: 'sessionsRevokeOthers',
  summary: "Ends all of the account's sessions but the one that asks.",
  method: 'DELETE',
  path: '/v1/sessions',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: z.object({ revoked: safeInteger }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'unavailable'],
})

const half = z.object({
  /** Chosen by the server at the beginning of the session, and deleted with it. */
  serverHalf: bytesOf(32),
})

export const sessionHalf = defineRoute({
  name: 'sessionHalf',
  summary: "The server's half of the key that seals the account key on the session's device.",
  method: 'GET',
  path: '/v1/sessions/current/half',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: half,
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'stored_data_damaged', 'keys_frozen', 'unavailable'],
})

export const sessionHalfEnsure = defineRoute({
  name: 'sessionHalfEnsure',
  summary: 'The same; made now for a session that began before there were halves.',
  method: 'PUT',
  path: '/v1/sessions/current/half',
  auth: 'session',
  params: none,
  query: none,
  body: z.undefined(),
  response: half,
  bodyLimit: LIMITS.bodyBytes,
  errors: ['unauthenticated', 'session_expired', 'stored_data_damaged', 'keys_frozen', 'unavailable'],
})
