import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'

/**
 * Sets what an account may store. A quota below its usage removes nothing: it only takes nothing more.
 *
 * @param quotaBytes - null for the server's default
 */
export async function setQuota(
  deps: { database: Database; clock: Clock },
  accountId: Uint8Array,
  quotaBytes: number | null,
): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    const changed = await tx
      .updateTable('accounts')
      .set({ quota_bytes: quotaBytes })
      .where('id', '=', accountId)
      .where('quota_bytes', 'is distinct from', quotaBytes)
      .executeTakeFirst()
    if (changed.numUpdatedRows === 1n) await recordAudit(deps, tx, accountId, 'quota_changed')
  })
}
