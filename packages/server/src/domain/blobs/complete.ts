import { sql } from 'kysely'
import { rowsOf } from '../../database/parameters.ts'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import { type BlobStore, BlobStoreError, type Clock } from '../../ports/index.ts'
import { equal } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import { ServerError } from '../errors.ts'
import { checkLength, partCount, partLength } from './layout.ts'
import { charge, lockAccount } from './quota.ts'
import { type BlobRow, lockBlobs, ownBlob, readBlobs, requireDistinct } from './rows.ts'

export interface Completion {
  readonly blobId: Uint8Array
  readonly blobLength: number
  readonly parts: readonly { readonly etag: string; readonly sha256: Uint8Array }[]
}

interface Deps {
  database: Database
  store: BlobStore
  clock: Clock
  quotaBytes: number
}

const STORE_CONCURRENCY = 8

/**
 * Ends uploads: the store confirms every part by etag, digest and length; afterwards no part can be written.
 * Repeating it with the same digests does nothing.
 *
 * @throws ServerError `not_found`, `blob_conflict`, `blob_not_ready` (a part is missing), `blob_gone`,
 *   `quota_exceeded`, `storage_full`
 */
export async function completeBlobs(
  deps: Deps,
  accountId: Uint8Array,
  completions: readonly Completion[],
): Promise<void> {
  const ids = completions.map((completion) => completion.blobId)
  requireDistinct(ids)
  await deps.database.transaction().execute(async (tx) => {
    await lockCompletion(tx, ids)
    const rows = await readBlobs(tx, ids)
    const pending = completions.filter((completion) =>
      isPending(ownBlob(rows, completion.blobId, accountId), completion),
    )
    await eachConcurrently(pending, STORE_CONCURRENCY, (completion) =>
      completeInStore(deps, ownBlob(rows, completion.blobId, accountId), completion),
    )
    if (pending.length > 0) await recordCompletions(deps, tx, accountId, pending)
  })
}

/**
 * Lets one completion of a blob go on at a time, from the store to the database. Without that, of two that name
 * different parts one could win in the store and the other in the database.
 */
async function lockCompletion(tx: DatabaseTransaction, ids: readonly Uint8Array[]): Promise<void> {
  await sql`
    SELECT pg_advisory_xact_lock(key) FROM (
      SELECT DISTINCT hashtextextended(encode(id, 'hex'), 0) AS key FROM unnest(${ids}::bytea[]) AS t (id) ORDER BY key
    ) ordered`.execute(tx)
}

function digestList(completion: Completion): Uint8Array {
  return Buffer.concat(completion.parts.map((part) => part.sha256))
}

/** Whether there is something to do; false for a repetition. */
function isPending(row: BlobRow, completion: Completion): boolean {
  checkLength(completion.blobLength, row.part_size)
  if (row.length !== null && row.length !== completion.blobLength) throw new ServerError('blob_conflict')
  if (completion.parts.length !== partCount(completion.blobLength, row.part_size)) {
    throw new ServerError('bad_request', { details: { path: 'parts' } })
  }
  if (row.state !== 'reserved') {
    if (row.digests !== null && equal(row.digests, digestList(completion))) return false
    throw new ServerError('blob_conflict')
  }
  if (row.upload_id === null) throw new ServerError('blob_not_ready')
  return true
}

async function completeInStore(deps: Deps, row: BlobRow, completion: Completion): Promise<void> {
  const parts = completion.parts.map((part, index) => ({
    ...part,
    length: partLength(completion.blobLength, row.part_size, index),
  }))
  try {
    await deps.store.complete({ blobId: row.id, uploadId: row.upload_id ?? '' }, parts)
  } catch (cause) {
    if (cause instanceof BlobStoreError && cause.code === 'part_missing') {
      const { part } = cause
      throw new ServerError('blob_not_ready', { cause, ...(part === undefined ? {} : { details: { part } }) })
    }
    throw cause
  }
}

async function recordCompletions(
  deps: Deps,
  tx: DatabaseTransaction,
  accountId: Uint8Array,
  completions: readonly Completion[],
): Promise<void> {
  await lockAccount(tx, accountId)
  const rows = await lockBlobs(
    tx,
    completions.map((completion) => completion.blobId),
  )
  const changed = completions.filter((completion) => isPending(ownBlob(rows, completion.blobId, accountId), completion))
  const deltaBytes = changed.reduce(
    (sum, completion) => sum + completion.blobLength - ownBlob(rows, completion.blobId, accountId).charged_bytes,
    0,
  )
  if (deltaBytes !== 0) await charge(tx, { accountId, deltaBytes, defaultQuotaBytes: deps.quotaBytes })
  await sql`
    UPDATE blobs SET state = 'stored', length = t.length, charged_bytes = t.length, digests = t.digests,
      active_ms = ${deps.clock.nowMs()}
    FROM ${rowsOf(
      { type: 'bytea', values: changed.map((completion) => completion.blobId) },
      { type: 'bigint', values: changed.map((completion) => completion.blobLength) },
      { type: 'bytea', values: changed.map(digestList) },
    )} AS t (id, length, digests)
    WHERE blobs.id = t.id`.execute(tx)
}
