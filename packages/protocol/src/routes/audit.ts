import { digest, id, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'

/** The newest entry of an account's audit log; seq 0 and zeros where there is none. */
export const auditHead = z.object({ seq: safeInteger, hash: digest })

export const auditRead = defineRoute({
  name: 'auditRead',
  summary: "The account's audit log: a page of entries in order, and the head that they lead to.",
  method: 'GET',
  path: '/v1/audit',
  auth: 'session',
  params: z.strictObject({}),
  query: z.strictObject({
    /** Seq of the first entry; the last page without it. */
    from: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  }),
  body: z.undefined(),
  response: z.object({
    head: auditHead,
    /** Seq of the first entry of the page. */
    from: safeInteger.min(1),
    /** Hash of the entry before the page, zeros before the first; null when `from` lies beyond the head. */
    previousHash: digest.nullable(),
    entries: z.array(
      z.object({
        timeMs: safeInteger,
        /** A code; clients show those that they do not know as they are. */
        event: z.string(),
        count: safeInteger.min(1),
        sessionId: id.nullable(),
        deviceId: id.nullable(),
      }),
    ),
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'unauthenticated', 'session_expired', 'unavailable'],
})
