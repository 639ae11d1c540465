import { encodeBytes, LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import { oneOf } from '../../database/parameters.ts'
import type { BlobState, Database, DatabaseTransaction } from '../../database/tables.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'

export interface BlobRow {
  readonly id: Uint8Array
  readonly owner_id: Uint8Array
  readonly state: BlobState
  readonly length: number | null
  readonly part_size: number
  readonly charged_bytes: number
  readonly upload_id: string | null
  readonly digests: Uint8Array | null
  readonly reference_count: number
}

export type BlobRows = ReadonlyMap<string, BlobRow>

const COLUMNS = sql`id, owner_id, state, length, part_size, charged_bytes, upload_id, digests, reference_count`

function index(rows: readonly BlobRow[]): BlobRows {
  return new Map(rows.map((row) => [hex(row.id), row]))
}

/** Rows of blobs, by hex id; unknown ids are absent. */
export async function readBlobs(database: Database, ids: readonly Uint8Array[]): Promise<BlobRows> {
  const found = await sql<BlobRow>`SELECT ${COLUMNS} FROM blobs WHERE id ${oneOf(ids)}`.execute(database)
  return index(found.rows)
}

/** The same, locked for update in the order of their ids. */
export async function lockBlobs(tx: DatabaseTransaction, ids: readonly Uint8Array[]): Promise<BlobRows> {
  const found = await sql<BlobRow>`
    SELECT ${COLUMNS} FROM blobs WHERE id ${oneOf(ids)} ORDER BY id FOR UPDATE`.execute(tx)
  return index(found.rows)
}

/** States whose content nobody can use. */
export function isGone(state: BlobState): state is 'deleted' | 'lost' {
  return state === 'deleted' || state === 'lost'
}

/** The blob of an id that its owner named. @throws ServerError `not_found`, `blob_gone` */
export function ownBlob(rows: BlobRows, blobId: Uint8Array, accountId: Uint8Array): BlobRow {
  const row = rows.get(hex(blobId))
  if (row === undefined || Buffer.compare(row.owner_id, accountId) !== 0) throw new ServerError('not_found')
  if (isGone(row.state)) throw blobsGone([blobId])
  return row
}

/** The refusal that names deleted blobs: how many, and the ids of the first thousand. */
export function blobsGone(ids: readonly Uint8Array[]): ServerError {
  const blobIds = ids.slice(0, LIMITS.batch).map(encodeBytes).join(',')
  return new ServerError('blob_gone', { details: { count: ids.length, blobIds } })
}

/** @throws ServerError `bad_request` when an id stands in a batch twice */
export function requireDistinct(ids: readonly Uint8Array[]): void {
  if (new Set(ids.map(hex)).size !== ids.length) throw new ServerError('bad_request', { details: { path: 'blobId' } })
}
