import { server as opaque } from '@serenity-kit/opaque'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { equal, sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { loginStatePlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

const ACCOUNT_LENGTH = 16
const HASH_LENGTH = 32

/** OPAQUE's third message, with the login state that it answers. */
export interface LoginProof {
  readonly loginId: Uint8Array
  readonly request: string
}

/** Whose password was proved, and against which record. */
export interface ProvenLogin {
  readonly accountId: Uint8Array
  /** SHA-256 of the OPAQUE record; see {@link requireProven}. */
  readonly recordHash: Uint8Array
}

/** What a login state holds, before it is sealed; of one length for known and unknown accounts. */
export function encodeLoginState(account: { id: Uint8Array; opaque_record: string } | undefined, opaqueState: string) {
  const whose =
    account === undefined
      ? [new Uint8Array(ACCOUNT_LENGTH + HASH_LENGTH)]
      : [account.id, sha256(Buffer.from(account.opaque_record, 'utf8'))]
  return Buffer.concat([...whose, Buffer.from(opaqueState, 'utf8')])
}

/**
 * Uses up a login state and checks the third message against it.
 *
 * @throws ServerError `login_failed` for a wrong password, an unknown account, a state that was used or is too old
 */
export async function finishOpaque(
  deps: { database: Database; clock: Clock; setup: ServerSetup },
  proof: LoginProof,
): Promise<ProvenLogin> {
  const row = await deps.database
    .deleteFrom('login_states')
    .where('id', '=', proof.loginId)
    .returning(['sealed', 'expires_ms'])
    .executeTakeFirst()
  if (row === undefined || row.expires_ms <= deps.clock.nowMs()) throw new ServerError('login_failed')
  const state = openOuter(deps.setup.loginStateKey, loginStatePlace(proof.loginId), row.sealed)
  const [accountId, recordHash, opaqueState] = [
    Uint8Array.from(state.subarray(0, ACCOUNT_LENGTH)),
    Uint8Array.from(state.subarray(ACCOUNT_LENGTH, ACCOUNT_LENGTH + HASH_LENGTH)),
    Buffer.from(state.subarray(ACCOUNT_LENGTH + HASH_LENGTH)).toString('utf8'),
  ]
  attempt('login_failed', () =>
    opaque.finishLogin({
      serverLoginState: opaqueState,
      finishLoginRequest: proof.request,
      identifiers: { server: deps.setup.serverIdentifier },
    }),
  )
  return { accountId, recordHash }
}

/**
 * Makes sure that the record a password was proved against is still the account's, and stays it until the transaction
 * ends.
 *
 * Invariant: whatever a proof of the password allows is done in the transaction that asks here. Without it, a login
 * that was begun with the old password could end in a session after the password was changed.
 *
 * @throws ServerError `login_failed`
 */
export async function requireProven(tx: DatabaseTransaction, proven: ProvenLogin): Promise<void> {
  const account = await tx
    .selectFrom('accounts')
    .select('opaque_record')
    .where('id', '=', proven.accountId)
    .forShare()
    .executeTakeFirst()
  const same = account !== undefined && equal(sha256(Buffer.from(account.opaque_record, 'utf8')), proven.recordHash)
  if (!same) throw new ServerError('login_failed')
}

/** Runs an OPAQUE step; whatever it throws about its input becomes one answer without detail. */
export function attempt<T>(code: 'bad_request' | 'login_failed', step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw new ServerError(code, { cause })
  }
}
