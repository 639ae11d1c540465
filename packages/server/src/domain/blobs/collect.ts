import { sql } from 'kysely'
import type { BlobState, Database } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { charge, lockAccount } from './quota.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const BATCH = 500

/** Idle reservations go after this. */
const RESERVED_MS = 2 * DAY_MS
/** Complete blobs that nothing refers to are condemned after this. */
const STORED_MS = 7 * DAY_MS
/** Condemned blobs can be revived for this long. */
const GRACE_MS = 7 * DAY_MS

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
}

/** A step in a blob's life that time takes. */
interface Step {
  readonly from: BlobState
  readonly to: BlobState
  /** Since its last activity, or for condemned blobs since they were condemned. */
  readonly afterMs: number
}

const STEPS: readonly Step[] = [
  { from: 'reserved', to: 'deleted', afterMs: RESERVED_MS },
  { from: 'stored', to: 'condemned', afterMs: STORED_MS },
  { from: 'condemned', to: 'deleted', afterMs: GRACE_MS },
]

/**
 * Takes every blob the step that its age calls for, then removes the objects of deleted ones. May run on several
 * servers at once and be interrupted anywhere: each batch is a transaction, and removing an object again is harmless.
 */
export async function collectBlobs(deps: Deps): Promise<void> {
  for (const step of STEPS) while ((await takeStep(deps, step)) === BATCH);
  while ((await removeObjects(deps)) === BATCH);
}

function isDue(step: Step, now: number) {
  // Invariant: no object is removed while a URL for it works.
  const since = step.from === 'condemned' ? sql`condemned_ms` : sql`active_ms`
  return sql<boolean>`state = ${step.from} AND ${since} <= ${now - step.afterMs} AND urls_end_ms < ${now}`
}

async function takeStep(deps: Deps, step: Step): Promise<number> {
  const due = isDue(step, deps.clock.nowMs())
  const found = await sql<{ id: Uint8Array; owner_id: Uint8Array }>`
    SELECT id, owner_id FROM blobs WHERE ${due} ORDER BY owner_id, id LIMIT ${BATCH}`.execute(deps.database)
  const owners = new Map<string, { ownerId: Uint8Array; ids: Uint8Array[] }>()
  for (const row of found.rows) {
    const entry = owners.get(hex(row.owner_id)) ?? { ownerId: row.owner_id, ids: [] }
    entry.ids.push(row.id)
    owners.set(hex(row.owner_id), entry)
  }
  for (const { ownerId, ids } of owners.values()) await takeStepOf(deps, step, { ownerId, ids })
  return found.rows.length
}

async function takeStepOf(
  deps: Deps,
  step: Step,
  batch: { ownerId: Uint8Array; ids: readonly Uint8Array[] },
): Promise<void> {
  const now = deps.clock.nowMs()
  await deps.database.transaction().execute(async (tx) => {
    await lockAccount(tx, batch.ownerId)
    // Looked at again under the locks: a commit or a repeated reservation may have come first.
    const locked = await sql<{ id: Uint8Array; charged_bytes: number }>`
      SELECT id, charged_bytes FROM blobs WHERE id = ANY(${batch.ids}::bytea[]) AND ${isDue(step, now)}
      ORDER BY id FOR UPDATE`.execute(tx)
    const condemnedMs = step.to === 'condemned' ? now : null
    await sql`
      UPDATE blobs SET state = ${step.to}, charged_bytes = 0, condemned_ms = ${condemnedMs}::bigint
      WHERE id = ANY(${locked.rows.map((row) => row.id)}::bytea[])`.execute(tx)
    const deltaBytes = -locked.rows.reduce((sum, row) => sum + row.charged_bytes, 0)
    if (deltaBytes !== 0) await charge(tx, { accountId: batch.ownerId, deltaBytes, defaultQuotaBytes: 0 })
  })
}

async function removeObjects(deps: Deps): Promise<number> {
  const found = await sql<{ id: Uint8Array; upload_id: string | null }>`
    SELECT id, upload_id FROM blobs WHERE state = 'deleted' AND NOT object_removed
    ORDER BY id LIMIT ${BATCH}`.execute(deps.database)
  for (const row of found.rows) {
    if (row.upload_id !== null) await deps.store.abort({ blobId: row.id, uploadId: row.upload_id })
    await deps.store.delete(row.id)
  }
  await sql`
    UPDATE blobs SET object_removed = true
    WHERE id = ANY(${found.rows.map((row) => row.id)}::bytea[])`.execute(deps.database)
  return found.rows.length
}
