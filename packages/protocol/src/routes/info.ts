import { bytesOf, safeInteger } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'

export const info = defineRoute({
  name: 'info',
  summary: 'What this server speaks, and the public key that every login pins.',
  method: 'GET',
  path: '/v1/info',
  auth: 'none',
  params: z.strictObject({}),
  query: z.strictObject({}),
  body: z.undefined(),
  response: z.object({
    protocolVersions: z.array(safeInteger),
    /** Static OPAQUE public key (ristretto255). */
    opaquePublicKey: bytesOf(32),
    /** Ed25519 key that signs receipts for deleted accounts. */
    receiptKey: bytesOf(32),
    registration: z.enum(['open', 'invite', 'closed']),
    /** Origins that presigned URLs may name. */
    storeOrigins: z.array(z.string()),
    timeMs: safeInteger,
  }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['too_many_requests', 'unavailable'],
})
