import { LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import { oneOf, rowsOf } from '../../database/parameters.ts'
import type { BlobState, Database } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import { equal, hex, sha256 } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import { ServerError } from '../errors.ts'
import { checkLength } from './layout.ts'
import { charge, lockAccount } from './quota.ts'
import { type BlobRow, blobsGone, isGone, lockBlobs, readBlobs, requireDistinct } from './rows.ts'
import { adoptOrphans } from './sweep.ts'

export interface Reservation {
  readonly blobId: Uint8Array
  readonly blobLength: number | null
  readonly partSize: number
  readonly part?: { readonly sha256: Uint8Array; readonly bytes: Uint8Array } | undefined
}

/** States that an answer names. */
type HeldState = Exclude<BlobState, 'deleted' | 'lost'>

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
  quotaBytes: number
}

// A client waits for the slowest of these, and each holds a file handle or a connection to the store.
const STORE_CONCURRENCY = 16

/**
 * Reserves blobs and their quota; a blob that brings its only part along is stored at once.
 * Repeating a reservation with the same sizes answers with the blob's state.
 *
 * @throws ServerError `blob_conflict` (id in use, or with other sizes), `blob_gone`, `quota_exceeded`,
 *   `digest_mismatch`, `payload_too_large` (inline bytes), `storage_full`
 */
export async function reserveBlobs(
  deps: Deps,
  accountId: Uint8Array,
  blobs: readonly Reservation[],
): Promise<{ blobId: Uint8Array; state: HeldState }[]> {
  requireDistinct(blobs.map((blob) => blob.blobId))
  const inlineBytes = blobs.reduce((sum, blob) => sum + (blob.part?.bytes.length ?? 0), 0)
  if (inlineBytes > LIMITS.inlineBytesPerRequest) throw new ServerError('payload_too_large')
  for (const blob of blobs) checkReservation(blob)
  const states = await insertReservations(deps, accountId, blobs)
  const inline = blobs.filter((blob) => blob.part !== undefined && states.get(hex(blob.blobId)) === 'reserved')
  await storeInline(deps, inline)
  for (const blob of inline) states.set(hex(blob.blobId), 'stored')
  return blobs.map((blob) => ({ blobId: blob.blobId, state: states.get(hex(blob.blobId)) ?? 'reserved' }))
}

function checkReservation(blob: Reservation): void {
  if (blob.blobLength !== null) checkLength(blob.blobLength, blob.partSize)
  if (blob.part === undefined) return
  if (blob.blobLength !== blob.part.bytes.length)
    throw new ServerError('bad_request', { details: { path: 'blobLength' } })
  if (!equal(sha256(blob.part.bytes), blob.part.sha256)) throw new ServerError('digest_mismatch')
}

async function insertReservations(
  deps: Deps,
  accountId: Uint8Array,
  blobs: readonly Reservation[],
): Promise<Map<string, HeldState>> {
  const now = deps.clock.nowMs()
  return deps.database.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId)
    const inserted = await sql<{ id: Uint8Array; charged_bytes: number }>`
      INSERT INTO blobs (id, owner_id, state, length, part_size, charged_bytes, active_ms)
      SELECT id, ${accountId}, 'reserved', length, part_size, coalesce(length, 0), ${now}
      FROM ${rowsOf(
        { type: 'bytea', values: blobs.map((blob) => blob.blobId) },
        { type: 'bigint', values: blobs.map((blob) => blob.blobLength) },
        { type: 'integer', values: blobs.map((blob) => blob.partSize) },
      )} AS t (id, length, part_size)
      ORDER BY id
      ON CONFLICT (id) DO NOTHING
      RETURNING id, charged_bytes`.execute(tx)
    const doomed = await adoptOrphans(
      tx,
      inserted.rows.map((row) => row.id),
    )
    if (doomed.length > 0) throw blobsGone(doomed)
    const states = new Map<string, HeldState>(inserted.rows.map((row) => [hex(row.id), 'reserved']))
    const repeated = blobs.filter((blob) => !states.has(hex(blob.blobId)))
    if (repeated.length > 0) {
      const known = await lockBlobs(
        tx,
        repeated.map((blob) => blob.blobId),
      )
      const gone = repeated.filter((blob) => isOwnGone(known.get(hex(blob.blobId)), accountId))
      if (gone.length > 0) throw blobsGone(gone.map((blob) => blob.blobId))
      for (const blob of repeated)
        states.set(hex(blob.blobId), repeatedState(known.get(hex(blob.blobId)), accountId, blob))
      await sql`UPDATE blobs SET active_ms = ${now} WHERE id ${oneOf(repeated.map((blob) => blob.blobId))}`.execute(tx)
    }
    const deltaBytes = inserted.rows.reduce((sum, row) => sum + row.charged_bytes, 0)
    if (deltaBytes > 0) await charge(tx, { accountId, deltaBytes, defaultQuotaBytes: deps.quotaBytes })
    return states
  })
}

function repeatedState(row: BlobRow | undefined, accountId: Uint8Array, blob: Reservation): HeldState {
  if (row === undefined || !equal(row.owner_id, accountId)) throw new ServerError('blob_conflict')
  if (isGone(row.state)) throw blobsGone([row.id])
  // A blob that was reserved without a length has one once it is complete.
  const sameLength = row.length === blob.blobLength || (blob.blobLength === null && row.state !== 'reserved')
  if (!sameLength || row.part_size !== blob.partSize) throw new ServerError('blob_conflict')
  if (blob.part !== undefined && row.digests !== null && !equal(row.digests, blob.part.sha256)) {
    throw new ServerError('blob_conflict')
  }
  return row.state
}

function isOwnGone(row: BlobRow | undefined, accountId: Uint8Array): boolean {
  return row !== undefined && isGone(row.state) && equal(row.owner_id, accountId)
}

async function storeInline(deps: Deps, blobs: readonly Reservation[]): Promise<void> {
  if (blobs.length === 0) return
  await eachConcurrently(blobs, STORE_CONCURRENCY, async (blob) => {
    if (blob.part !== undefined) await deps.store.putWhole(blob.blobId, blob.part.bytes, blob.part.sha256)
  })
  const stored = await sql`
    UPDATE blobs SET state = 'stored', digests = t.digest, active_ms = ${deps.clock.nowMs()}
    FROM ${rowsOf(
      { type: 'bytea', values: blobs.map((blob) => blob.blobId) },
      { type: 'bytea', values: blobs.map((blob) => blob.part?.sha256 ?? null) },
    )} AS t (id, digest)
    WHERE blobs.id = t.id AND blobs.state = 'reserved'`.execute(deps.database)
  if (Number(stored.numAffectedRows) < blobs.length) await refuseDeleted(deps, blobs)
}

/** A server that slept for days may come to find its blobs deleted; what it has put then goes again. */
async function refuseDeleted(deps: Deps, blobs: readonly Reservation[]): Promise<void> {
  const ids = blobs.map((blob) => blob.blobId)
  const gone = [...(await readBlobs(deps.database, ids)).values()].filter((row) => isGone(row.state))
  if (gone.length === 0) return
  const goneIds = gone.map((row) => row.id)
  await sql`UPDATE blobs SET object_removed = false WHERE id = ANY(${goneIds}::bytea[]) AND state = 'deleted'`.execute(
    deps.database,
  )
  throw blobsGone(goneIds)
}
