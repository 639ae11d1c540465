import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { ServerError } from '../errors.ts'

/**
 * Refuses an account that an operator has disabled.
 *
 * Invariant: asked only after a password, a recovery key or a session was proved, and before anything is released, so
 * that a stranger never learns who is disabled.
 *
 * @throws ServerError `account_disabled`
 */
export async function requireEnabled(database: Database | DatabaseTransaction, accountId: Uint8Array): Promise<void> {
  const account = await database
    .selectFrom('accounts')
    .select('disabled_ms')
    .where('id', '=', accountId)
    .executeTakeFirst()
  if (account !== undefined && account.disabled_ms !== null) throw new ServerError('account_disabled')
}

/** Disables an account: it keeps everything, and nobody may use it. False when it was disabled already. */
export async function disableAccount(
  deps: { database: Database; clock: Clock },
  accountId: Uint8Array,
): Promise<boolean> {
  return deps.database.transaction().execute(async (tx) => {
    const disabled = await tx
      .updateTable('accounts')
      .set({ disabled_ms: deps.clock.nowMs() })
      .where('id', '=', accountId)
      .where('disabled_ms', 'is', null)
      .executeTakeFirst()
    if (disabled.numUpdatedRows === 0n) return false
    await recordAudit(deps, tx, accountId, 'disabled')
    return true
  })
}

/**
 * Lets a disabled account be used again. Time has stood still for what its blobs wait for, so that an upload that was
 * under way, or content that a commit could have revived, is still there. False when it was not disabled.
 */
export async function enableAccount(
  deps: { database: Database; clock: Clock },
  accountId: Uint8Array,
): Promise<boolean> {
  return deps.database.transaction().execute(async (tx) => {
    const account = await tx
      .selectFrom('accounts')
      .select('disabled_ms')
      .where('id', '=', accountId)
      .forUpdate()
      .executeTakeFirst()
    const disabledMs = account?.disabled_ms ?? null
    if (disabledMs === null) return false
    const standMs = Math.max(0, deps.clock.nowMs() - disabledMs)
    await sql`
      UPDATE blobs SET active_ms = active_ms + ${standMs}, condemned_ms = condemned_ms + ${standMs}
      WHERE owner_id = ${accountId} AND state IN ('reserved', 'stored', 'condemned')`.execute(tx)
    await sql`
      UPDATE wraps SET confirmed_ms = confirmed_ms + ${standMs}
      WHERE vault_id IN (SELECT id FROM vaults WHERE owner_id = ${accountId}) AND confirmed_ms IS NOT NULL`.execute(tx)
    await tx.updateTable('accounts').set({ disabled_ms: null }).where('id', '=', accountId).execute()
    await recordAudit(deps, tx, accountId, 'enabled')
    return true
  })
}
