import { server as opaque } from '@serenity-kit/opaque'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal, sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { loginStatePlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { requireEnabled } from './disabled.ts'

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
export function encodeLoginState(account: { id: Uint8Array; opaqueRecord: string }, opaqueState: string): Uint8Array {
  const recordHash = sha256(Buffer.from(account.opaqueRecord, 'utf8'))
  return Buffer.concat([account.id, recordHash, Buffer.from(opaqueState, 'utf8')])
}

interface LoginState extends ProvenLogin {
  readonly opaqueState: string
}

function openLoginState(setup: ServerSetup, row: { id: Uint8Array; sealed: Uint8Array }): LoginState {
  const state = openOuter(setup.loginStateKey, loginStatePlace(row.id), row.sealed)
  return {
    accountId: Uint8Array.from(state.subarray(0, ACCOUNT_LENGTH)),
    recordHash: Uint8Array.from(state.subarray(ACCOUNT_LENGTH, ACCOUNT_LENGTH + HASH_LENGTH)),
    opaqueState: Buffer.from(state.subarray(ACCOUNT_LENGTH + HASH_LENGTH)).toString('utf8'),
  }
}

/** A login state as it is stored. */
interface LoginStateRow {
  readonly id: Uint8Array
  readonly sealed: Uint8Array
  readonly expires_ms: number
}

/**
 * Puts a login state back that was used up by the right third message, which then could not be answered because the key
 * service was away: who sends that message again, as clients do after a 503, must not be told that the password is wrong.
 */
export async function giveBackLoginState(deps: { database: Database }, state: LoginStateRow): Promise<void> {
  await deps.database
    .insertInto('login_states')
    .values(state)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/**
 * Uses up a login state and checks the third message against it.
 *
 * @throws ServerError `login_failed` for a wrong password, an unknown account, a state that was used or is too old;
 *   `account_disabled` once the password was right
 */
export async function finishOpaque(
  deps: { database: Database; clock: Clock; setup: ServerSetup },
  proof: LoginProof,
): Promise<ProvenLogin & { readonly state: LoginStateRow }> {
  const row = await deps.database
    .deleteFrom('login_states')
    .where('id', '=', proof.loginId)
    .returning(['id', 'sealed', 'expires_ms'])
    .executeTakeFirst()
  if (row === undefined) throw new ServerError('login_failed')
  const { accountId, recordHash, opaqueState } = openLoginState(deps.setup, row)
  try {
    if (row.expires_ms <= deps.clock.nowMs()) throw new ServerError('login_failed')
    attempt('login_failed', () =>
      opaque.finishLogin({
        serverLoginState: opaqueState,
        finishLoginRequest: proof.request,
        identifiers: { server: deps.setup.serverIdentifier },
      }),
    )
  } catch (cause) {
    await recordAudit(deps, deps.database, accountId, 'sign_in_failed')
    throw cause
  }
  await requireEnabled(deps.database, accountId)
  return { accountId, recordHash, state: row }
}

/**
 * Counts a login that was begun and never finished as a failed one, and removes it. Reason: the second OPAQUE message
 * tells whether a password was right, so whoever guesses has no need to send the third.
 *
 * @returns how many were removed
 */
export async function removeUnfinished(deps: {
  database: Database
  clock: Clock
  setup: ServerSetup
}): Promise<number> {
  const rows = await deps.database
    .deleteFrom('login_states')
    .where('expires_ms', '<=', deps.clock.nowMs())
    .returning(['id', 'sealed'])
    .execute()
  for (const row of rows) {
    await recordAudit(deps, deps.database, openLoginState(deps.setup, row).accountId, 'sign_in_failed')
  }
  return rows.length
}

/**
 * Makes sure that the record a password was proved against is still the account's, and stays it until the transaction
 * ends.
 *
 * Invariant: whatever a proof of the password allows is done in the transaction that asks here. Without it, a login
 * that was begun with the old password could end in a session after the password was changed.
 *
 * @throws ServerError `login_failed`, `account_disabled`
 */
export async function requireProven(tx: DatabaseTransaction, proven: ProvenLogin): Promise<void> {
  const account = await tx
    .selectFrom('accounts')
    .select(['opaque_record', 'disabled_ms'])
    .where('id', '=', proven.accountId)
    .forShare()
    .executeTakeFirst()
  const same = account !== undefined && equal(sha256(Buffer.from(account.opaque_record, 'utf8')), proven.recordHash)
  if (!same) throw new ServerError('login_failed')
  if (account.disabled_ms !== null) throw new ServerError('account_disabled')
}

/** Runs an OPAQUE step; whatever it throws about its input becomes one answer without detail. */
export function attempt<T>(code: 'bad_request' | 'login_failed', step: () => T): T {
  try {
    return step()
  } catch (cause) {
    throw new ServerError(code, { cause })
  }
}
