import { id } from '../bytes.ts'
import { z } from '../zod.ts'
import { opaqueMessage } from './accounts.ts'

/** Proof of the current password inside a session: the third message of a login begun with `loginStart`. */
export const passwordProof = z.strictObject({ loginId: id, request: opaqueMessage })
