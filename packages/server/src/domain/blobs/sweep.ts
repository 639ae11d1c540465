import { sql } from 'kysely'
import type { DatabaseTransaction } from '../../database/tables.ts'
import type { Logger } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import type { Lease } from '../jobs/lease.ts'
import { type CollectDeps, tryLockBlob } from './collect.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const BATCH = 500

/** How often the store is looked through. */
export const SWEEP_MS = DAY_MS
/**
 * After a longer pause between two looks, time counts anew. Reason: a database that was set back has old looks in it,
 * and what happened since then is not in it.
 */
const PAUSE_MS = SWEEP_MS + DAY_MS / 2

/** So many objects without a row are never suspicious. */
const FEW = 100

export interface SweepDeps extends CollectDeps {
  logger: Logger
}

/** Something in the store; `uploadId` is empty for a finished object. */
interface Stored {
  readonly blobId: Uint8Array
  readonly uploadId: string
}

export interface Swept {
  readonly objects: number
  readonly uploads: number
  readonly failed: number
}

/**
 * Finds what the store holds and no row names: uploads whose server was killed before it wrote the row, objects that
 * came late, and all that a database lost that was set back. It goes once it was seen for the whole grace; a row that
 * is made meanwhile saves it. Where most objects have no row, nothing goes: that is rather the wrong database.
 */
export async function sweepStore(deps: SweepDeps, lease: Lease): Promise<Swept> {
  const now = deps.clock.nowMs()
  let [known, unknown] = [0, 0]
  await eachBatch(objects(deps), async (batch) => {
    await lease.step()
    const found = await withoutRow(deps, batch)
    unknown += found.length
    known += batch.length - found.length
    await noteOrphans(deps, now, found)
  })
  await eachBatch(uploads(deps), async (batch) => {
    await lease.step()
    await noteOrphans(deps, now, await withoutUpload(deps, batch))
  })
  // Not seen this time: it is gone, or a row names it by now.
  await sql`DELETE FROM orphans WHERE last_seen_ms <> ${now} AND NOT doomed`.execute(deps.database)
  if (unknown > Math.max(FEW, known)) {
    deps.logger.warn(
      { known, unknown },
      'the database does not know most objects of the blob store: is it the right one?',
    )
    return { objects: 0, uploads: 0, failed: 0 }
  }
  return removeOrphans(deps, lease, now)
}

/**
 * Claims ids for new rows, so that what the store may hold of them stays. To be called by every transaction that makes
 * blob rows, after it has made them. Returns those that are being deleted: the transaction has to fail for them.
 */
export async function adoptOrphans(tx: DatabaseTransaction, ids: readonly Uint8Array[]): Promise<Uint8Array[]> {
  // Invariant: this and dooming lock the same row, so one of both sees what the other did.
  const found = await sql<{ blob_id: Uint8Array; doomed: boolean }>`
    DELETE FROM orphans WHERE blob_id = ANY(${ids}::bytea[]) AND upload_id = '' RETURNING blob_id, doomed`.execute(tx)
  return found.rows.filter((row) => row.doomed).map((row) => row.blob_id)
}

async function* objects({ store }: CollectDeps): AsyncGenerator<Stored> {
  for await (const { blobId } of store.list()) if (blobId.length === 16) yield { blobId, uploadId: '' }
}

async function* uploads({ store }: CollectDeps): AsyncGenerator<Stored> {
  for await (const upload of store.listUploads()) if (upload.blobId.length === 16) yield upload
}

async function eachBatch(items: AsyncIterable<Stored>, task: (batch: Stored[]) => Promise<void>): Promise<void> {
  let batch: Stored[] = []
  for await (const item of items) {
    batch.push(item)
    if (batch.length < BATCH) continue
    await task(batch)
    batch = []
  }
  if (batch.length > 0) await task(batch)
}

async function withoutRow(deps: CollectDeps, batch: readonly Stored[]): Promise<Stored[]> {
  const ids = batch.map((item) => item.blobId)
  // An object that was published after its blob had been deleted: the collector takes it again.
  await sql`
    UPDATE blobs SET object_removed = false
    WHERE id = ANY(${ids}::bytea[]) AND state = 'deleted' AND object_removed`.execute(deps.database)
  const rows = await sql<{ id: Uint8Array }>`
    SELECT id FROM blobs WHERE id = ANY(${ids}::bytea[])`.execute(deps.database)
  const known = new Set(rows.rows.map((row) => hex(row.id)))
  return batch.filter((item) => !known.has(hex(item.blobId)))
}

async function withoutUpload(deps: CollectDeps, batch: readonly Stored[]): Promise<Stored[]> {
  const rows = await sql<{ id: Uint8Array; upload_id: string }>`
    SELECT id, upload_id FROM blobs
    WHERE id = ANY(${batch.map((item) => item.blobId)}::bytea[]) AND state = 'reserved' AND upload_id IS NOT NULL`.execute(
    deps.database,
  )
  const known = new Set(rows.rows.map((row) => `${hex(row.id)} ${row.upload_id}`))
  return batch.filter((item) => !known.has(`${hex(item.blobId)} ${item.uploadId}`))
}

async function noteOrphans(deps: CollectDeps, now: number, found: readonly Stored[]): Promise<void> {
  if (found.length === 0) return
  await sql`
    INSERT INTO orphans AS o (blob_id, upload_id, seen_ms, last_seen_ms)
    SELECT blob_id, upload_id, ${now}::bigint, ${now}::bigint
    FROM unnest(
      ${found.map((item) => item.blobId)}::bytea[], ${found.map((item) => item.uploadId)}::text[]
    ) AS t (blob_id, upload_id)
    ORDER BY blob_id, upload_id
    ON CONFLICT (blob_id, upload_id) DO UPDATE SET
      seen_ms = CASE WHEN o.last_seen_ms < ${now - PAUSE_MS} THEN excluded.seen_ms ELSE o.seen_ms END,
      last_seen_ms = excluded.last_seen_ms`.execute(deps.database)
}

async function removeOrphans(deps: CollectDeps, lease: Lease, now: number): Promise<Swept> {
  const counts = { objects: 0, uploads: 0, failed: 0 }
  let last: Stored = { blobId: Buffer.alloc(0), uploadId: '' }
  for (;;) {
    const due = await sql<{ blob_id: Uint8Array; upload_id: string }>`
      SELECT blob_id, upload_id FROM orphans
      WHERE (doomed OR seen_ms <= ${now - deps.retention.graceMs}) AND (blob_id, upload_id) > (${last.blobId}, ${last.uploadId})
      ORDER BY blob_id, upload_id LIMIT ${BATCH}`.execute(deps.database)
    for (const row of due.rows) {
      await lease.step()
      last = { blobId: row.blob_id, uploadId: row.upload_id }
      try {
        if (!(await doom(deps, last))) continue
        await removeOrphan(deps, last)
        counts[last.uploadId === '' ? 'objects' : 'uploads'] += 1
      } catch {
        counts.failed += 1
      }
    }
    if (due.rows.length < BATCH) return counts
  }
}

/** Commits to the deletion, unless a row names it by now. */
async function doom({ database }: CollectDeps, { blobId, uploadId }: Stored): Promise<boolean> {
  const named =
    uploadId === ''
      ? sql`SELECT 1 FROM blobs WHERE id = ${blobId}`
      : sql`SELECT 1 FROM blobs WHERE id = ${blobId} AND state = 'reserved' AND upload_id = ${uploadId}`
  const doomed = await sql`
    UPDATE orphans SET doomed = true
    WHERE blob_id = ${blobId} AND upload_id = ${uploadId} AND NOT EXISTS (${named})`.execute(database)
  return doomed.numAffectedRows === 1n
}

async function removeOrphan(deps: CollectDeps, { blobId, uploadId }: Stored): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    if (!(await tryLockBlob(tx, blobId))) return
    if (uploadId === '') await deps.store.delete(blobId)
    else await deps.store.abort({ blobId, uploadId })
    await sql`DELETE FROM orphans WHERE blob_id = ${blobId} AND upload_id = ${uploadId}`.execute(tx)
  })
}
