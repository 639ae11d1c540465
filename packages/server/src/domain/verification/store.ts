import { type Kysely, sql } from 'kysely'
import type { Database, Tables } from '../../database/tables.ts'
import type { BlobStore, Clock } from '../../ports/index.ts'
import type { Retention } from '../blobs/retention.ts'
import { hex } from '../bytes.ts'
import { isStill } from './blobs.ts'
import type { Findings } from './problem.ts'

const LISTED = 5000
const COMPARED = 1000
/** The store is looked through once a day; an object that is due longer than this was left by it. */
const COLLECTOR_MS = 3 * 24 * 60 * 60 * 1000

export interface StoreCount {
  readonly objects: number
  readonly bytes: number
  /** Objects without a row: uploads that were cut off, or what a database lost that was set back. They are collected. */
  readonly withoutRow: number
  /** Objects of deleted blobs, which are collected. */
  readonly deleted: number
}

interface Deps {
  readonly database: Database
  readonly store: Pick<BlobStore, 'list' | 'stat'>
  readonly clock: Clock
  readonly retention: Retention
}

interface Compared {
  readonly id: Uint8Array
  readonly owner_id: Uint8Array
  readonly length: number | null
}

/**
 * Store and rows against each other, both ways. The store's list, which takes one request for a thousand objects, goes
 * into a temporary table that the database compares; what looks wrong is asked of the store itself before it is
 * reported, because both change meanwhile.
 */
export async function examineStore(deps: Deps, findings: Findings): Promise<StoreCount> {
  return deps.database.connection().execute(async (connection) => {
    await sql`DROP TABLE IF EXISTS pg_temp.listed_objects`.execute(connection)
    await sql`CREATE TEMPORARY TABLE listed_objects (id bytea PRIMARY KEY, length bigint NOT NULL)`.execute(connection)
    try {
      await takeList(deps, connection, findings)
      await compareRows(deps, connection, findings)
      return await countObjects(deps, connection, findings)
    } finally {
      await sql`DROP TABLE IF EXISTS pg_temp.listed_objects`.execute(connection).catch(() => undefined)
    }
  })
}

async function takeList(deps: Deps, connection: Kysely<Tables>, findings: Findings): Promise<void> {
  let batch: { blobId: Uint8Array; length: number }[] = []
  const flush = async (): Promise<void> => {
    await sql`
      INSERT INTO listed_objects (id, length)
      SELECT * FROM unnest(${batch.map(({ blobId }) => blobId)}::bytea[], ${batch.map(({ length }) => length)}::bigint[])
      ON CONFLICT DO NOTHING`.execute(connection)
    await findings.step('', batch.length)
    batch = []
  }
  for await (const object of deps.store.list()) {
    findings.signal.throwIfAborted()
    batch.push(object)
    if (batch.length >= LISTED) await flush()
  }
  await flush()
  await sql`ANALYZE listed_objects`.execute(connection)
}

/** Rows whose object is not in the list, or has another length there. */
async function compareRows(deps: Deps, connection: Kysely<Tables>, findings: Findings): Promise<void> {
  let last: Uint8Array = Buffer.alloc(0)
  for (;;) {
    findings.signal.throwIfAborted()
    const found = await sql<Compared>`
      SELECT b.id, b.owner_id, b.length FROM blobs b LEFT JOIN listed_objects o ON o.id = b.id
      WHERE b.id > ${last} AND b.state IN ('stored', 'live', 'condemned') AND (o.id IS NULL OR o.length <> b.length)
      ORDER BY b.id LIMIT ${COMPARED}`.execute(connection)
    for (const row of found.rows) await compareOne(deps, row, findings)
    const end = found.rows.at(-1)
    if (end === undefined) return
    last = end.id
  }
}

async function compareOne(deps: Deps, row: Compared, findings: Findings): Promise<void> {
  const object = await deps.store.stat(row.id).catch((error: unknown) => {
    // What the list calls damaged has length 0 there, and its length cannot be told.
    if ((error as { code?: unknown }).code === 'damaged') return { length: 0 }
    throw error
  })
  if (object?.length === row.length || !(await isStill(deps.database, row))) return
  const about = { account: hex(row.owner_id), blob: hex(row.id) }
  if (object === null) await findings.report({ kind: 'object_missing', ...about })
  else await findings.report({ kind: 'object_length', ...about, expected: row.length ?? 0, found: object.length })
}

/** Counts what is there, and finds what the collector should have removed. */
async function countObjects(deps: Deps, connection: Kysely<Tables>, findings: Findings): Promise<StoreCount> {
  const due = deps.clock.nowMs() - deps.retention.graceMs - COLLECTOR_MS
  const left = await sql<{ blob_id: Uint8Array }>`
    SELECT o.blob_id FROM orphans o JOIN listed_objects l ON l.id = o.blob_id
    WHERE o.upload_id = '' AND o.seen_ms < ${due} AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.id = o.blob_id)
    ORDER BY o.blob_id LIMIT ${COMPARED}`.execute(connection)
  for (const row of left.rows) await findings.report({ kind: 'object_left', blob: hex(row.blob_id) })
  const counted = await sql<StoreCount>`
    SELECT count(*)::bigint AS objects, coalesce(sum(l.length), 0)::bigint AS bytes,
      count(*) FILTER (WHERE b.id IS NULL)::bigint AS "withoutRow",
      count(*) FILTER (WHERE b.state = 'deleted')::bigint AS deleted
    FROM listed_objects l LEFT JOIN blobs b ON b.id = l.id`.execute(connection)
  return counted.rows[0] ?? { objects: 0, bytes: 0, withoutRow: 0, deleted: 0 }
}
