import { LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import { rowsOf } from '../../database/parameters.ts'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { BlobStore, Clock, PresignedPart, UploadRef } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import { ServerError } from '../errors.ts'
import { partLength } from './layout.ts'
import { charge, lockAccount } from './quota.ts'
import { type BlobRow, type BlobRows, lockBlobs, ownBlob, readBlobs } from './rows.ts'

export interface PartRequest {
  readonly blobId: Uint8Array
  readonly index: number
  readonly length: number
  readonly sha256: Uint8Array
}

export interface PartAnswer extends PresignedPart {
  readonly blobId: Uint8Array
  readonly index: number
  readonly expiresAtMs: number
}

// Beginning an upload is a folder with its fsync, or a round trip to the store.
const STORE_CONCURRENCY = 16

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
  quotaBytes: number
}

/**
 * Presigned URLs for parts. The charge of a blob of unknown length grows to the end of its furthest part.
 *
 * @throws ServerError `not_found`, `bad_request` (a length that the layout does not give), `blob_conflict` (complete
 *   already), `blob_gone`, `quota_exceeded`
 */
export async function presignParts(
  deps: Deps,
  accountId: Uint8Array,
  parts: readonly PartRequest[],
): Promise<PartAnswer[]> {
  const expiresAtMs = deps.clock.nowMs() + LIMITS.urlLifeMs
  const uploads = await prepareUploads(deps, accountId, parts, expiresAtMs)
  return Promise.all(
    parts.map(async (part) => {
      const uploadId = uploads.get(hex(part.blobId))
      if (uploadId === undefined) throw new ServerError('not_found')
      const signed = await deps.store.presignPart({ ...part, uploadId }, expiresAtMs)
      return { blobId: part.blobId, index: part.index, expiresAtMs, ...signed }
    }),
  )
}

/** Upload ids by hex blob id. Uploads begin before the transaction, so that no lock is held while the store works. */
async function prepareUploads(
  deps: Deps,
  accountId: Uint8Array,
  parts: readonly PartRequest[],
  urlsEndMs: number,
): Promise<Map<string, string>> {
  const ids = [...new Map(parts.map((part) => [hex(part.blobId), part.blobId])).values()]
  const seen = await readBlobs(deps.database, ids)
  for (const part of parts) checkPart(ownBlob(seen, part.blobId, accountId), part)
  const begun = new Map<string, UploadRef>()
  try {
    const without = [...seen.values()].filter((row) => row.upload_id === null)
    await eachConcurrently(without, STORE_CONCURRENCY, async (row) => {
      const single = row.length !== null && row.length <= row.part_size
      begun.set(hex(row.id), { blobId: row.id, uploadId: await deps.store.createUpload(row.id, single) })
    })
    // A transaction that is begun anew needs those again that it took from `begun`.
    const all: ReadonlyMap<string, UploadRef> = new Map(begun)
    return await deps.database.transaction().execute(async (tx) => {
      await lockAccount(tx, accountId)
      const rows = await lockBlobs(tx, ids)
      for (const part of parts) checkPart(ownBlob(rows, part.blobId, accountId), part)
      await growCharges(deps, tx, accountId, rows, parts)
      return keepUploads(deps, tx, { rows, all, begun, urlsEndMs })
    })
  } finally {
    // Left over: all after a failure, else those whose blob got an upload from someone faster.
    await Promise.allSettled([...begun.values()].map((upload) => deps.store.abort(upload)))
  }
}

async function keepUploads(
  deps: Deps,
  tx: DatabaseTransaction,
  input: {
    rows: BlobRows
    all: ReadonlyMap<string, UploadRef>
    begun: Map<string, UploadRef>
    urlsEndMs: number
  },
): Promise<Map<string, string>> {
  const uploads = new Map<string, string>()
  const kept: string[] = []
  for (const [id, row] of input.rows) {
    const uploadId = row.upload_id ?? input.all.get(id)?.uploadId
    if (uploadId === undefined) throw new ServerError('not_found')
    uploads.set(id, uploadId)
    if (row.upload_id === null) kept.push(id)
  }
  await sql`
    UPDATE blobs SET upload_id = t.upload_id, active_ms = ${deps.clock.nowMs()},
      urls_end_ms = greatest(urls_end_ms, ${input.urlsEndMs})
    FROM ${rowsOf(
      { type: 'bytea', values: [...input.rows.values()].map((row) => row.id) },
      { type: 'text', values: [...uploads.values()] },
    )} AS t (id, upload_id)
    WHERE blobs.id = t.id`.execute(tx)
  for (const id of kept) input.begun.delete(id)
  return uploads
}

function checkPart(row: BlobRow, part: PartRequest): void {
  if (row.state !== 'reserved') throw new ServerError('blob_conflict')
  const fits =
    row.length === null
      ? part.length <= row.part_size
      : part.index * row.part_size < row.length && part.length === partLength(row.length, row.part_size, part.index)
  if (!fits) throw new ServerError('bad_request', { details: { path: 'length' } })
}

async function growCharges(
  deps: Deps,
  tx: DatabaseTransaction,
  accountId: Uint8Array,
  rows: BlobRows,
  parts: readonly PartRequest[],
): Promise<void> {
  const ends = new Map<string, { id: Uint8Array; end: number; before: number }>()
  for (const part of parts) {
    const row = rows.get(hex(part.blobId))
    if (row === undefined || row.length !== null) continue
    const end = Math.max(ends.get(hex(row.id))?.end ?? row.charged_bytes, part.index * row.part_size + part.length)
    ends.set(hex(row.id), { id: row.id, end, before: row.charged_bytes })
  }
  const grown = [...ends.values()].filter((entry) => entry.end > entry.before)
  if (grown.length === 0) return
  const deltaBytes = grown.reduce((sum, entry) => sum + entry.end - entry.before, 0)
  await charge(tx, { accountId, deltaBytes, defaultQuotaBytes: deps.quotaBytes })
  await sql`
    UPDATE blobs SET charged_bytes = t.charged
    FROM ${rowsOf(
      { type: 'bytea', values: grown.map((entry) => entry.id) },
      { type: 'bigint', values: grown.map((entry) => entry.end) },
    )} AS t (id, charged)
    WHERE blobs.id = t.id`.execute(tx)
}
