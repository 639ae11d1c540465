import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { type BlobStore, BlobStoreError, type Clock } from '../../ports/index.ts'
import { equal } from '../bytes.ts'
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
  const rows = await readBlobs(deps.database, ids)
  const queue = completions.filter((completion) => isPending(ownBlob(rows, completion.blobId, accountId), completion))
  const pending = [...queue]
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await completeInStore(deps, ownBlob(rows, next.blobId, accountId), next)
    }
  }
  await Promise.all(Array.from({ length: STORE_CONCURRENCY }, worker))
  if (pending.length > 0) await recordCompletions(deps, accountId, pending)
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
    if (cause instanceof BlobStoreError && cause.code === 'part_missing')
      throw new ServerError('blob_not_ready', { cause })
    throw cause
  }
}

async function recordCompletions(deps: Deps, accountId: Uint8Array, completions: readonly Completion[]): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    await lockAccount(tx, accountId)
    const rows = await lockBlobs(
      tx,
      completions.map((completion) => completion.blobId),
    )
    const changed = completions.filter((completion) =>
      isPending(ownBlob(rows, completion.blobId, accountId), completion),
    )
    const deltaBytes = changed.reduce(
      (sum, completion) => sum + completion.blobLength - ownBlob(rows, completion.blobId, accountId).charged_bytes,
      0,
    )
    if (deltaBytes !== 0) await charge(tx, { accountId, deltaBytes, defaultQuotaBytes: deps.quotaBytes })
    await sql`
      UPDATE blobs SET state = 'stored', length = t.length, charged_bytes = t.length, digests = t.digests,
        active_ms = ${deps.clock.nowMs()}
      FROM unnest(
        ${changed.map((completion) => completion.blobId)}::bytea[],
        ${changed.map((completion) => completion.blobLength)}::bigint[],
        ${changed.map(digestList)}::bytea[]
      ) AS t (id, length, digests)
      WHERE blobs.id = t.id`.execute(tx)
  })
}
