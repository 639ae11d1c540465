import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { type Clock, type KeyManagement, KeyManagementError } from '../../ports/index.ts'
import type { KeyScope } from './kms-keys.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** The longest that a key service may wait: an upper bound where it does not say when it destroys. */
const LONGEST_WAIT_MS = 30 * DAY_MS
const BATCH = 100

/** What the destruction of an account's outer keys means for copies of the database. */
export interface Shredding {
  /**
   * `per-user`: copies become noise when the keys `kmsKeyIds` are gone. `shared`: only once the shared key that wrapped
   * the outer key has been replaced by `kms rotate` and destroyed.
   */
  readonly scope: KeyScope
  /** Own keys of the account, to be destroyed by `destroyDoomedKeys`. */
  readonly kmsKeyIds: readonly string[]
}

/**
 * Destroys the outer keys of an account inside the transaction that deletes it: nothing that the database holds under
 * them opens any more. The account's own key of the key service is marked, and destroyed by a job afterwards.
 */
export async function destroyOuterKeys(tx: DatabaseTransaction, accountId: Uint8Array): Promise<Shredding> {
  const newest = await tx
    .selectFrom('outer_keys')
    .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
    .select('kms_keys.account_id as own')
    .where('outer_keys.account_id', '=', accountId)
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  await tx.deleteFrom('outer_keys').where('account_id', '=', accountId).execute()
  const doomed = await tx
    .updateTable('kms_keys')
    .set({ state: 'doomed' })
    .where('account_id', '=', accountId)
    .where('state', 'in', ['current', 'retired'])
    .returning('id')
    .execute()
  const own = newest !== undefined && newest.own !== null
  return { scope: own ? 'per-user' : 'shared', kmsKeyIds: doomed.map((row) => row.id).sort() }
}

/** A key that the key service will destroy, and when at the latest. */
export interface Destruction {
  readonly keyId: string
  readonly destructionMs: number
}

/**
 * Has the key service destroy doomed keys: those of one account, or all. What fails stays doomed and is tried again by
 * the job.
 *
 * @param step - called between keys; what it throws ends the work
 * @throws KeyManagementError `unavailable`
 */
export async function destroyDoomedKeys(
  deps: { database: Database; keys: KeyManagement; clock: Clock },
  options: { readonly accountId?: Uint8Array; readonly step?: () => Promise<void> } = {},
): Promise<Destruction[]> {
  const destroyed: Destruction[] = []
  let after = ''
  for (;;) {
    let query = deps.database
      .selectFrom('kms_keys')
      .select(['id', 'waiting_days'])
      .where('state', '=', 'doomed')
      .where('id', '>', after)
    if (options.accountId !== undefined) query = query.where('account_id', '=', options.accountId)
    const rows = await query.orderBy('id').limit(BATCH).execute()
    for (const { id, waiting_days } of rows) {
      await options.step?.()
      const destructionMs = await scheduleOnce(deps, id, waiting_days)
      await deps.database
        .updateTable('kms_keys')
        .set({ state: 'ended', destruction_ms: destructionMs })
        .where('id', '=', id)
        .where('state', '=', 'doomed')
        .execute()
      destroyed.push({ keyId: id, destructionMs })
      after = id
    }
    if (rows.length < BATCH) return destroyed
  }
}

/** The time of destruction; a bound where it had been asked for before, by a server that died after it. */
async function scheduleOnce(deps: { keys: KeyManagement; clock: Clock }, id: string, days: number): Promise<number> {
  try {
    return await deps.keys.scheduleDestruction(id, days)
  } catch (error) {
    if (!(error instanceof KeyManagementError)) throw error
    if (error.code === 'key_not_found') return deps.clock.nowMs()
    if (error.code !== 'key_unusable') throw error
    const state = await deps.keys.keyState(id)
    if (state === 'destroyed') return deps.clock.nowMs()
    if (state === 'pending_destruction') return deps.clock.nowMs() + LONGEST_WAIT_MS
    throw error
  }
}
