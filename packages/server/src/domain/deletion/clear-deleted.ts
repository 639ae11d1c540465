import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import type { Lease } from '../jobs/lease.ts'

const BATCH = 1000

/** Tables of a vault, in an order that their references allow. */
const OF_VAULT = ['wraps', 'blob_references', 'checkpoints', 'commits', 'members'] as const

/**
 * Clears away what deleted accounts left behind: their blobs are condemned, for the collector; wraps, references,
 * checkpoints, commits and vaults are removed. In batches that may end anywhere; returns how many accounts are done.
 */
export async function clearDeleted(deps: { database: Database; clock: Clock }, lease: Lease): Promise<number> {
  const rows = await deps.database
    .selectFrom('deletions')
    .select('account_id')
    .where('purged_ms', 'is', null)
    .orderBy('deleted_ms')
    .execute()
  for (const { account_id: accountId } of rows) {
    await condemnBlobs(deps, lease, accountId)
    const vaults = await deps.database.selectFrom('vaults').select('id').where('owner_id', '=', accountId).execute()
    for (const { id } of vaults) await removeVault(deps.database, lease, id)
    await deps.database
      .updateTable('deletions')
      .set({ purged_ms: deps.clock.nowMs() })
      .where('account_id', '=', accountId)
      .execute()
  }
  return rows.length
}

/** Nobody refers to them any more: unfinished uploads are due at once, the rest after the grace, the lost never were. */
async function condemnBlobs(
  deps: { database: Database; clock: Clock },
  lease: Lease,
  ownerId: Uint8Array,
): Promise<void> {
  const now = deps.clock.nowMs()
  for (;;) {
    await lease.step()
    const changed = await sql`
      WITH found AS (
        SELECT id FROM blobs WHERE owner_id = ${ownerId}
          AND (state IN ('stored', 'live', 'lost') OR state = 'reserved' AND active_ms > 0)
        ORDER BY id LIMIT ${BATCH} FOR UPDATE
      )
      UPDATE blobs b SET
        state = CASE b.state WHEN 'reserved' THEN 'reserved' WHEN 'lost' THEN 'deleted' ELSE 'condemned' END,
        active_ms = CASE b.state WHEN 'reserved' THEN 0 ELSE b.active_ms END,
        condemned_ms = CASE WHEN b.state IN ('stored', 'live') THEN ${now}::bigint ELSE b.condemned_ms END,
        reference_count = 0, charged_bytes = 0
      FROM found WHERE b.id = found.id`.execute(deps.database)
    if (Number(changed.numAffectedRows ?? 0n) < BATCH) return
  }
}

async function removeVault(database: Database, lease: Lease, vaultId: Uint8Array): Promise<void> {
  for (const name of OF_VAULT) {
    for (;;) {
      await lease.step()
      const table = sql.table(name)
      const removed = await sql`
        DELETE FROM ${table} WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM ${table} WHERE vault_id = ${vaultId} LIMIT ${BATCH}))`.execute(database)
      if (Number(removed.numAffectedRows ?? 0n) < BATCH) break
    }
  }
  await database.deleteFrom('vaults').where('id', '=', vaultId).execute()
}
