import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, KeyManagement } from '../../ports/index.ts'
import { loginName } from '../accounts/login.ts'
import { type LoginProof, type ProvenLogin, requireProven } from '../accounts/login-state.ts'
import { provePassword } from '../accounts/proof.ts'
import { ServerError } from '../errors.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { destroyDoomedKeys, destroyOuterKeys } from '../keys/shred.ts'
import type { Session } from '../sessions/sessions.ts'
import { issueReceipt } from './receipts.ts'

export interface DeletionDeps {
  database: Database
  clock: Clock
  keys: KeyManagement
  setup: ServerSetup
}

export interface Deletion {
  readonly proof: LoginProof
  /** The login name again. */
  readonly confirmation: string
  readonly receiptSecretHash: Uint8Array
}

/** Tables whose rows go with the account, in an order that their references allow. */
const OF_ACCOUNT = [
  'session_halves',
  'sessions',
  'envelopes',
  'keyrings',
  'totp',
  'backup_codes',
  'recovery_states',
  'audit_entries',
  'audit_heads',
  'audit_folds',
] as const

/**
 * Deletes an account for good, in one transaction: its outer keys first, so that whatever else the database holds of it
 * opens no more, then sessions, envelopes, keyring, credentials, audit log and the account itself. Its vaults and blobs
 * are noise from then on; `clearDeleted` removes them.
 *
 * @returns the signed receipt; null when the key service has not confirmed yet
 * @throws ServerError `bad_request` for another login name, `login_failed`, `vaults_shared`
 */
export async function deleteAccount(deps: DeletionDeps, session: Session, input: Deletion): Promise<Uint8Array | null> {
  const { accountId } = session
  const loginHash = deps.setup.userIdentifier(loginName(input.confirmation))
  const own = await deps.database
    .selectFrom('accounts')
    .select('id')
    .where('id', '=', accountId)
    .where('login_hash', '=', loginHash)
    .executeTakeFirst()
  if (own === undefined) throw new ServerError('bad_request', { details: { path: 'confirmation' } })
  const proven = await provePassword(deps, accountId, input.proof)
  await deps.database.transaction().execute((tx) => deleteRows(deps, tx, proven, input.receiptSecretHash))
  // Reason: the account is gone. Whatever the key service can't do now, a job does later; the client asks again.
  try {
    await destroyDoomedKeys(deps, { accountId })
    return await issueReceipt(deps, accountId)
  } catch {
    return null
  }
}

async function deleteRows(
  deps: DeletionDeps,
  tx: DatabaseTransaction,
  proven: ProvenLogin,
  secretHash: Uint8Array,
): Promise<void> {
  const { accountId } = proven
  const vaults = await closeVaults(tx, accountId)
  // Alone from here on; the proof is checked under the same lock.
  const account = await tx
    .selectFrom('accounts')
    .select('used_bytes')
    .where('id', '=', accountId)
    .forUpdate()
    .executeTakeFirst()
  if (account === undefined) throw new ServerError('session_expired')
  await requireProven(tx, proven)
  const key = await wrappingKey(tx, accountId)
  const counts = await sql<{ sessions: number; commits: number; blobs: number }>`
    SELECT (SELECT count(*) FROM sessions WHERE account_id = ${accountId}) AS sessions,
      (SELECT count(*) FROM commits c JOIN vaults v ON v.id = c.vault_id WHERE v.owner_id = ${accountId}) AS commits,
      (SELECT count(*) FROM blobs WHERE owner_id = ${accountId} AND state <> 'deleted') AS blobs`.execute(tx)
  const { scope } = await destroyOuterKeys(tx, accountId)
  await tx.deleteFrom('members').where('account_id', '=', accountId).execute()
  for (const table of OF_ACCOUNT) {
    await sql`DELETE FROM ${sql.table(table)} WHERE account_id = ${accountId}`.execute(tx)
  }
  await tx.deleteFrom('accounts').where('id', '=', accountId).execute()
  await tx
    .insertInto('deletions')
    .values({
      account_id: accountId,
      secret_hash: secretHash,
      scope,
      kms_key_id: key.id,
      kms_key_since_ms: key.sinceMs,
      deleted_ms: deps.clock.nowMs(),
      noise_from_ms: null,
      outer_keys: key.outerKeys,
      sessions: counts.rows[0]?.sessions ?? 0,
      vaults,
      commits: counts.rows[0]?.commits ?? 0,
      blobs: counts.rows[0]?.blobs ?? 0,
      bytes: account.used_bytes,
      receipt: null,
      purged_ms: null,
    })
    .execute()
}

/**
 * Lets nobody append to the account's vaults any more: every append compares the head, and none has this one.
 *
 * @throws ServerError `vaults_shared`
 */
async function closeVaults(tx: DatabaseTransaction, accountId: Uint8Array): Promise<number> {
  await tx.selectFrom('vaults').select('id').where('owner_id', '=', accountId).orderBy('id').forUpdate().execute()
  const others = await tx
    .selectFrom('vaults')
    .innerJoin('members', 'members.vault_id', 'vaults.id')
    .select('vaults.id')
    .where('vaults.owner_id', '=', accountId)
    .where('members.account_id', '!=', accountId)
    .limit(1)
    .executeTakeFirst()
  if (others !== undefined) throw new ServerError('vaults_shared')
  const closed = await tx
    .updateTable('vaults')
    .set({ head_hash: new Uint8Array(32) })
    .where('owner_id', '=', accountId)
    .executeTakeFirst()
  return Number(closed.numUpdatedRows)
}

/** The key of the key service that wraps the newest outer key, and how many outer keys there are. */
async function wrappingKey(
  tx: DatabaseTransaction,
  accountId: Uint8Array,
): Promise<{ id: string; sinceMs: number; outerKeys: number }> {
  const rows = await tx
    .selectFrom('outer_keys')
    .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
    .select(['kms_keys.id', 'kms_keys.created_ms'])
    .where('outer_keys.account_id', '=', accountId)
    .orderBy('version', 'desc')
    .execute()
  const [newest] = rows
  if (newest === undefined) throw new ServerError('stored_data_damaged')
  return { id: newest.id, sinceMs: newest.created_ms, outerKeys: rows.length }
}
