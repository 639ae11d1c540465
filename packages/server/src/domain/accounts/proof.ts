import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { equal } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { finishOpaque, type LoginProof, type ProvenLogin } from './login-state.ts'

/**
 * Proof of the current password inside a session: uses up the login state of a `loginStart`. The caller passes what it
 * gets to `requireProven` in the transaction that the proof is for.
 *
 * @throws ServerError `login_failed` unless the password is that of this account
 */
export async function provePassword(
  deps: { database: Database; clock: Clock; setup: ServerSetup },
  accountId: Uint8Array,
  proof: LoginProof,
): Promise<ProvenLogin> {
  const proven = await finishOpaque(deps, proof)
  if (!equal(proven.accountId, accountId)) throw new ServerError('login_failed')
  return proven
}
