import { sql } from 'kysely'
import type { BlobState, Database, DatabaseTransaction } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import type { Lease } from '../jobs/lease.ts'
import { charge, lockAccount } from './quota.ts'
import type { Retention } from './retention.ts'

const BATCH = 500
const REMOVALS = 100
const STORE_CONCURRENCY = 4

export interface CollectDeps {
  database: Database
  store: BlobStore
  clock: Clock
  retention: Retention
}

/** What a run did; `failed` blobs or accounts were left for the next one. */
export interface Collected {
  readonly dropped: number
  readonly condemned: number
  readonly deleted: number
  readonly objects: number
  readonly failed: number
}

/** A step in a blob's life that time takes. */
export interface Step {
  readonly from: BlobState
  readonly to: BlobState
  /** Since its last activity, or for condemned blobs since they were condemned. */
  readonly afterMs: number
}

/**
 * Takes every blob the step that its age calls for, then removes the objects of deleted ones.
 *
 * The order makes it safe to end anywhere and to run on several servers at once. A row is `deleted`, for everybody and
 * for good, before its object is touched, so no live row ever loses its object; and it stays marked until the store
 * has confirmed the removal, so no object is forgotten. Removing one again is harmless.
 */
export async function collectBlobs(deps: CollectDeps, lease: Lease): Promise<Collected> {
  const steps = stepsOf(deps.retention)
  const dropped = await takeStep(deps, lease, steps.dropped)
  const condemned = await takeStep(deps, lease, steps.condemned)
  const deleted = await takeStep(deps, lease, steps.deleted)
  const objects = await removeObjects(deps, lease)
  return {
    dropped: dropped.done,
    condemned: condemned.done,
    deleted: deleted.done,
    objects: objects.done,
    failed: dropped.failed + condemned.failed + deleted.failed + objects.failed,
  }
}

/** The steps, by what a blob is afterwards. */
export function stepsOf({ uploadIdleMs, graceMs }: Retention): Record<'dropped' | 'condemned' | 'deleted', Step> {
  return {
    dropped: { from: 'reserved', to: 'deleted', afterMs: uploadIdleMs },
    condemned: { from: 'stored', to: 'condemned', afterMs: uploadIdleMs },
    deleted: { from: 'condemned', to: 'deleted', afterMs: graceMs },
  }
}

interface Count {
  readonly done: number
  readonly failed: number
}

/** Whether a row of `blobs` is to take a step. */
export function isDue(step: Step, now: number) {
  // Invariant: no object is removed while a URL for it works, and nothing of an account that is disabled.
  const since = step.from === 'condemned' ? sql`condemned_ms` : sql`active_ms`
  return sql<boolean>`state = ${step.from} AND ${since} <= ${now - step.afterMs} AND urls_end_ms < ${now}
    AND NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = owner_id AND accounts.disabled_ms IS NOT NULL)`
}

async function takeStep(deps: CollectDeps, lease: Lease, step: Step): Promise<Count> {
  let [done, failed] = [0, 0]
  // What fails is passed by, so that one broken account does not stop the others.
  let last = { owner: Buffer.alloc(0) as Uint8Array, id: Buffer.alloc(0) as Uint8Array }
  for (;;) {
    await lease.step()
    const found = await sql<{ id: Uint8Array; owner_id: Uint8Array }>`
      SELECT id, owner_id FROM blobs
      WHERE ${isDue(step, deps.clock.nowMs())} AND (owner_id, id) > (${last.owner}, ${last.id})
      ORDER BY owner_id, id LIMIT ${BATCH}`.execute(deps.database)
    for (const [ownerId, ids] of byOwner(found.rows)) {
      await takeStepOf(deps, step, { ownerId, ids }).then(
        (count) => {
          done += count
        },
        () => {
          failed += ids.length
        },
      )
    }
    const end = found.rows.at(-1)
    if (end === undefined || found.rows.length < BATCH) return { done, failed }
    last = { owner: end.owner_id, id: end.id }
  }
}

function byOwner(rows: readonly { id: Uint8Array; owner_id: Uint8Array }[]): [Uint8Array, Uint8Array[]][] {
  const owners = new Map<string, [Uint8Array, Uint8Array[]]>()
  for (const row of rows) {
    const entry = owners.get(hex(row.owner_id)) ?? [row.owner_id, []]
    entry[1].push(row.id)
    owners.set(hex(row.owner_id), entry)
  }
  return [...owners.values()]
}

async function takeStepOf(
  deps: CollectDeps,
  step: Step,
  batch: { ownerId: Uint8Array; ids: readonly Uint8Array[] },
): Promise<number> {
  const now = deps.clock.nowMs()
  return deps.database.transaction().execute(async (tx) => {
    await lockAccount(tx, batch.ownerId)
    // Looked at again under the locks: a commit or a repeated reservation may have come first.
    const locked = await sql<{ id: Uint8Array; charged_bytes: number }>`
      SELECT id, charged_bytes FROM blobs WHERE id = ANY(${batch.ids}::bytea[]) AND ${isDue(step, now)}
      ORDER BY id FOR UPDATE`.execute(tx)
    const ids = locked.rows.map((row) => row.id)
    if (step.to === 'condemned') {
      await sql`
        UPDATE blobs SET state = 'condemned', charged_bytes = 0, condemned_ms = ${now}
        WHERE id = ANY(${ids}::bytea[])`.execute(tx)
    } else {
      // The row stays, so that nobody ever uses the id again; its keys and digests go.
      await sql`
        UPDATE blobs SET state = 'deleted', charged_bytes = 0, condemned_ms = NULL, digests = NULL
        WHERE id = ANY(${ids}::bytea[])`.execute(tx)
      await sql`DELETE FROM wraps WHERE blob_id = ANY(${ids}::bytea[])`.execute(tx)
    }
    const deltaBytes = -locked.rows.reduce((sum, row) => sum + row.charged_bytes, 0)
    if (deltaBytes !== 0) await charge(tx, { accountId: batch.ownerId, deltaBytes, defaultQuotaBytes: 0 })
    return ids.length
  })
}

async function removeObjects(deps: CollectDeps, lease: Lease): Promise<Count> {
  let [done, failed] = [0, 0]
  let last: Uint8Array = Buffer.alloc(0)
  for (;;) {
    await lease.step()
    const found = await sql<{ id: Uint8Array }>`
      SELECT id FROM blobs WHERE state = 'deleted' AND NOT object_removed AND id > ${last}
      ORDER BY id LIMIT ${REMOVALS}`.execute(deps.database)
    await eachConcurrently(found.rows, STORE_CONCURRENCY, async ({ id }) => {
      await removeObject(deps, id).then(
        (removed) => {
          if (removed) done += 1
        },
        () => {
          failed += 1
        },
      )
    })
    const end = found.rows.at(-1)
    if (end === undefined || found.rows.length < REMOVALS) return { done, failed }
    last = end.id
  }
}

/** Removes what the store has of a deleted blob; false where someone else is at it. */
async function removeObject(deps: CollectDeps, id: Uint8Array): Promise<boolean> {
  return deps.database.transaction().execute(async (tx) => {
    if (!(await tryLockBlob(tx, id))) return false
    const found = await sql<{ upload_id: string | null }>`
      SELECT upload_id FROM blobs WHERE id = ${id} AND state = 'deleted' AND NOT object_removed`.execute(tx)
    const row = found.rows[0]
    if (row === undefined) return false
    if (row.upload_id !== null) await deps.store.abort({ blobId: id, uploadId: row.upload_id })
    await deps.store.delete(id)
    await sql`UPDATE blobs SET object_removed = true, upload_id = NULL WHERE id = ${id}`.execute(tx)
    return true
  })
}

/**
 * The lock under which a completion works from the store to the database: one that is under way publishes its object
 * before this returns true, and one that comes later finds the blob deleted.
 */
export async function tryLockBlob(tx: DatabaseTransaction, id: Uint8Array): Promise<boolean> {
  const found = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_xact_lock(hashtextextended(${hex(id)}, 0)) AS locked`.execute(tx)
  return found.rows[0]?.locked === true
}
