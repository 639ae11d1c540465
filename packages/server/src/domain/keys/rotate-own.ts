import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, KeyManagement } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { hex } from '../bytes.ts'
import { outerKeyContext } from './outer-keys.ts'

interface Deps {
  database: Database
  keys: KeyManagement
  clock: Clock
}

/** Times that an outer key may be added meanwhile. */
const ATTEMPTS = 5
const BATCH = 100

/**
 * Gives an account that has a key of the key service of its own a new one, and moves its outer keys there inside the
 * service. Whatever dies in between, the account is under the one or the other; called again, it uses the key that was
 * made. The older key is retired: `destroyRetiredKeys` has it destroyed.
 *
 * @returns the new key; null for an account without a key of its own
 * @throws KeyManagementError
 */
export async function rotateOwnKey(deps: Deps, accountId: Uint8Array): Promise<string | null> {
  const own = await ownKeys(deps.database, accountId)
  if (!own.some((key) => key.state === 'current')) return null
  // Reason for the name: a key that was made and not written down is found again, and paid for once.
  const toKey = await deps.keys.createKey(`user-${hex(accountId)}-${own.length}`)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (await moveTo(deps, accountId, toKey)) return toKey
  }
  throw new Error('outer keys of the account are added all the time')
}

function ownKeys(database: Database, accountId: Uint8Array) {
  return database.selectFrom('kms_keys').select(['id', 'state']).where('account_id', '=', accountId).execute()
}

/** Moves all outer keys at once; false where one was added or changed meanwhile. */
async function moveTo(deps: Deps, accountId: Uint8Array, toKey: string): Promise<boolean> {
  const rows = await deps.database
    .selectFrom('outer_keys')
    .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
    .select(['version', 'wrapped', 'kms_key_id'])
    .where('outer_keys.account_id', '=', accountId)
    .where('kms_keys.account_id', '=', accountId)
    .where('kms_key_id', '!=', toKey)
    .execute()
  const moved: { version: number; before: Uint8Array; wrapped: Uint8Array }[] = []
  for (const { version, wrapped } of rows) {
    const context = outerKeyContext(accountId, version)
    moved.push({ version, before: wrapped, wrapped: await deps.keys.reEncrypt(wrapped, context, toKey) })
  }
  return deps.database
    .transaction()
    .execute(async (tx) => {
      if (!(await replaceOwnKey(tx, accountId, toKey, deps.clock.nowMs()))) return true
      for (const { version, before, wrapped } of moved) {
        await tx
          .updateTable('outer_keys')
          .set({ wrapped, kms_key_id: toKey })
          .where('account_id', '=', accountId)
          .where('version', '=', version)
          .where('wrapped', '=', before)
          .execute()
      }
      const left = await sql`
      SELECT 1 FROM outer_keys o JOIN kms_keys k ON k.id = o.kms_key_id
      WHERE o.account_id = ${accountId} AND k.account_id = ${accountId} AND k.id <> ${toKey} LIMIT 1`.execute(tx)
      if (left.rows.length > 0) throw new Moved()
      await recordAudit(deps, tx, accountId, 'kms_key_rotated')
      return true
    })
    .catch((error: unknown) => {
      if (error instanceof Moved) return false
      throw error
    })
}

/** Undoes a transaction that found outer keys which it had not read. */
class Moved extends Error {}

/** Makes `toKey` the account's current own key; false where the account is gone, and `toKey` goes too. */
async function replaceOwnKey(
  tx: DatabaseTransaction,
  accountId: Uint8Array,
  toKey: string,
  nowMs: number,
): Promise<boolean> {
  const account = await tx.selectFrom('accounts').select('id').where('id', '=', accountId).forShare().executeTakeFirst()
  const state = account === undefined ? 'doomed' : 'retired'
  await tx
    .insertInto('kms_keys')
    .values({ id: toKey, account_id: accountId, state, created_ms: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  if (account === undefined) return false
  await tx.selectFrom('kms_keys').select('id').where('account_id', '=', accountId).orderBy('id').forUpdate().execute()
  await tx
    .updateTable('kms_keys')
    .set({ state: 'retired' })
    .where('account_id', '=', accountId)
    .where('state', '=', 'current')
    .execute()
  await tx
    .updateTable('kms_keys')
    .set({ state: 'current' })
    .where('id', '=', toKey)
    .where('account_id', '=', accountId)
    .execute()
  return true
}

/**
 * Accounts whose own key is older than `beforeMs`, the next ones after `after`, by id.
 */
export async function accountsWithOwnKey(
  database: Database,
  input: { readonly beforeMs: number; readonly after: Uint8Array | null },
): Promise<Uint8Array[]> {
  const rows = await database
    .selectFrom('kms_keys')
    .select('account_id')
    .where('account_id', '>', input.after ?? new Uint8Array())
    .where('state', '=', 'current')
    .where('created_ms', '<=', input.beforeMs)
    .orderBy('account_id')
    .limit(BATCH)
    .execute()
  return rows.flatMap(({ account_id: accountId }) => (accountId === null ? [] : [accountId]))
}
