import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { BlobState, Database } from '../../database/tables.ts'
import { type BlobStore, BlobStoreError } from '../../ports/index.ts'
import { partCount, partLength } from '../blobs/layout.ts'
import { equal, hex } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import type { Findings, Problem } from './problem.ts'

const BATCH = 500
const DEEP_BATCH = 32
const STORE_CONCURRENCY = 4
const DIGEST = 32

interface Row {
  readonly id: Uint8Array
  readonly owner_id: Uint8Array
  readonly state: BlobState
  readonly length: number | null
  readonly part_size: number
  readonly digests: Uint8Array | null
  readonly reference_count: number
  readonly counted: number
}

/**
 * Blob rows in themselves: states, counts, digest lists; with `deep` every part of their objects is read too and held
 * against its digest.
 */
export async function examineBlobs(
  deps: { database: Database; store: Pick<BlobStore, 'read'> },
  options: { readonly after: Uint8Array; readonly deep: boolean },
  findings: Findings,
): Promise<void> {
  const limit = options.deep ? DEEP_BATCH : BATCH
  let last = options.after
  for (;;) {
    findings.signal.throwIfAborted()
    const rows = await readRows(deps.database, last, limit)
    const end = rows.at(-1)
    if (end === undefined) return
    for (const row of rows) {
      for (const problem of contradictions(row)) await findings.report(named(row, problem))
    }
    if (options.deep) {
      await eachConcurrently(rows, STORE_CONCURRENCY, async (row) => {
        const part = await damagedPart(deps.store, row, findings.signal)
        if (part !== null && (await isStill(deps.database, row))) {
          await findings.report(named(row, { kind: 'object_damaged', part }))
        }
      })
    }
    last = end.id
    await findings.step(hex(last), rows.length)
  }
}

async function readRows(database: Database, last: Uint8Array, limit: number): Promise<readonly Row[]> {
  const found = await sql<Row>`
    SELECT id, owner_id, state, length, part_size, digests, reference_count,
      (SELECT coalesce(sum(r.count), 0)::bigint FROM blob_references r WHERE r.blob_id = b.id) AS counted
    FROM blobs b WHERE id > ${last} AND state IN ('stored', 'live', 'condemned') ORDER BY id LIMIT ${limit}`.execute(
    database,
  )
  return found.rows
}

function contradictions(row: Row): Problem[] {
  const problems: Problem[] = []
  if (row.counted !== row.reference_count) {
    problems.push({ kind: 'reference_count', expected: row.counted, found: row.reference_count })
  }
  if ((row.state === 'live') !== row.reference_count > 0) {
    problems.push({ kind: 'blob_state', found: row.reference_count })
  }
  if (!hasDigests(row)) problems.push({ kind: 'digest_list', found: Math.floor((row.digests?.length ?? 0) / DIGEST) })
  return problems
}

function hasDigests(row: Row): row is Row & { length: number; digests: Uint8Array } {
  if (row.length === null || row.length < 1 || row.digests === null) return false
  return row.digests.length === partCount(row.length, row.part_size) * DIGEST
}

/** Index of the first part that differs from its digest; null where none does, or no object is there. */
async function damagedPart(store: Pick<BlobStore, 'read'>, row: Row, signal: AbortSignal): Promise<number | null> {
  if (!hasDigests(row)) return null
  for (let part = 0; part < partCount(row.length, row.part_size); part += 1) {
    signal.throwIfAborted()
    const range = { offset: part * row.part_size, length: partLength(row.length, row.part_size, part) }
    const expected = row.digests.subarray(part * DIGEST, (part + 1) * DIGEST)
    const digest = await digestOf(store, row.id, range)
    if (digest === 'missing') return null
    if (digest === 'damaged' || !equal(digest, expected)) return part
  }
  return null
}

async function digestOf(
  store: Pick<BlobStore, 'read'>,
  blobId: Uint8Array,
  range: { offset: number; length: number },
): Promise<Uint8Array | 'missing' | 'damaged'> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of await store.read(blobId, range)) hash.update(chunk)
    return hash.digest()
  } catch (error) {
    if (!(error instanceof BlobStoreError)) throw error
    // What is missing or of another length is found where store and rows are compared.
    if (error.code === 'not_found' || error.code === 'range_invalid') return 'missing'
    if (error.code === 'damaged') return 'damaged'
    throw error
  }
}

/** Whether the blob may still be there: the collector deletes a row before its object. */
export async function isStill(database: Database, row: { readonly id: Uint8Array }): Promise<boolean> {
  const found = await sql`
    SELECT 1 FROM blobs WHERE id = ${row.id} AND state IN ('stored', 'live', 'condemned')`.execute(database)
  return found.rows.length > 0
}

function named(row: Row, problem: Problem): Problem {
  return { ...problem, account: hex(row.owner_id), blob: hex(row.id) }
}
