import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, KeyManagement } from '../../ports/index.ts'

/** Whether accounts share a key of the key service, or have one each. */
export type KeyScope = 'shared' | 'per-user'

interface Deps {
  database: Database
  keys: KeyManagement
  clock: Clock
}

/**
 * The key that accounts share, under which new outer keys are wrapped. The database decides, so that a rotation takes
 * effect on all servers at once; the key service is asked only where the database has none yet.
 */
export async function sharedKeyId(deps: Deps): Promise<string> {
  const known = await currentShared(deps.database)
  if (known !== null) return known
  const id = await deps.keys.currentKeyId()
  await deps.database
    .insertInto('kms_keys')
    .values({ id, account_id: null, state: 'retired', created_ms: deps.clock.nowMs() })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await deps.database.transaction().execute(async (tx) => {
    await lockSharedKeys(tx)
    if ((await currentShared(tx)) === null) {
      await tx.updateTable('kms_keys').set({ state: 'current' }).where('id', '=', id).execute()
    }
  })
  return (await currentShared(deps.database)) ?? id
}

/** Makes changes of the shared keys wait for each other. */
async function lockSharedKeys(tx: DatabaseTransaction): Promise<void> {
  await tx.selectFrom('kms_keys').select('id').where('account_id', 'is', null).orderBy('id').forUpdate().execute()
}

async function currentShared(database: Database | DatabaseTransaction): Promise<string | null> {
  const row = await database
    .selectFrom('kms_keys')
    .select('id')
    .where('account_id', 'is', null)
    .where('state', '=', 'current')
    .executeTakeFirst()
  return row?.id ?? null
}

/**
 * Makes `id` the current shared key; all others are retired from then on.
 *
 * @throws Error for the key of a single account
 */
export async function replaceSharedKey(tx: DatabaseTransaction, id: string, nowMs: number): Promise<void> {
  await tx
    .insertInto('kms_keys')
    .values({ id, account_id: null, state: 'retired', created_ms: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await lockSharedKeys(tx)
  await tx
    .updateTable('kms_keys')
    .set({ state: 'retired' })
    .where('account_id', 'is', null)
    .where('state', '=', 'current')
    .execute()
  const made = await tx
    .updateTable('kms_keys')
    .set({ state: 'current' })
    .where('id', '=', id)
    .where('account_id', 'is', null)
    .executeTakeFirst()
  if (made.numUpdatedRows !== 1n) throw new Error('the key belongs to a single account and cannot be shared')
}
