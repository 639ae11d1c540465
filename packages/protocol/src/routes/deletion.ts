import { bytesOf, digest } from '../bytes.ts'
import { LIMITS } from '../limits.ts'
import { defineRoute } from '../route.ts'
import * as z from '../zod.ts'
import { login } from './accounts.ts'
import { passwordProof } from './credentials.ts'

const none = z.strictObject({})
/** Signed by the key of `/v1/info`; null while the key service has not confirmed the destruction. Ask again then. */
const receipt = bytesOf(188).nullable()

export const accountDelete = defineRoute({
  name: 'accountDelete',
  summary: 'Deletes the account of the session for good, and answers with a signed receipt.',
  method: 'POST',
  path: '/v1/account/delete',
  auth: 'session',
  params: none,
  query: none,
  body: z.strictObject({
    proof: passwordProof,
    /** The account's login name, as a second look. */
    confirmation: login,
    /** SHA-256 of what `receiptRead` is asked with. */
    receiptSecretHash: digest,
  }),
  response: z.object({ receipt }),
  bodyLimit: LIMITS.bodyBytes,
  errors: [
    'bad_request',
    'unauthenticated',
    'session_expired',
    'login_failed',
    'vaults_shared',
    'too_many_requests',
    'unavailable',
  ],
})

export const receiptRead = defineRoute({
  name: 'receiptRead',
  summary: 'The receipt for a deleted account, by the secret that its client chose; newer ones say more.',
  method: 'POST',
  path: '/v1/receipts',
  auth: 'none',
  params: none,
  query: none,
  body: z.strictObject({ secret: bytesOf(32) }),
  response: z.object({ receipt }),
  bodyLimit: LIMITS.bodyBytes,
  errors: ['bad_request', 'not_found', 'too_many_requests', 'unavailable'],
})
