import type { KeyObject } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction, Tables } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey } from './outer-keys.ts'
import { type OuterPlace, openOuter, sealOuter } from './outer-layer.ts'
import { checkpointPlace, envelopePlace, keyringPlace, sessionHalfPlace, totpPlace, wrapPlace } from './places.ts'

type Row = Readonly<Record<string, unknown>>

/** A table of rows under the outer layer, and where its rows' bytes belong. */
interface SealedTable {
  readonly name: keyof Tables
  /** The columns of the primary key, in its order. */
  readonly key: readonly string[]
  /** Whether rows name their account, or a vault that belongs to it. */
  readonly by: 'account' | 'vault'
  /** Other columns that the place needs. */
  readonly more: readonly string[]
  place(owner: Uint8Array, row: Row): OuterPlace
}

// The columns are those of the table's own migration.
const bytes = (row: Row, name: string): Uint8Array => row[name] as Uint8Array
const number = (row: Row, name: string): number => row[name] as number

/**
 * Every table whose rows carry the outer layer of an account. A table that is missing here would lose its rows when the
 * outer key is rotated (a test compares it with the columns of the schema).
 */
export const SEALED_TABLES: readonly SealedTable[] = [
  {
    name: 'envelopes',
    key: ['account_id', 'method'],
    by: 'account',
    more: ['version'],
    place: (owner, row) => envelopePlace(owner, number(row, 'method'), number(row, 'version')),
  },
  {
    name: 'keyrings',
    key: ['account_id'],
    by: 'account',
    more: ['version'],
    place: (owner, row) => keyringPlace(owner, number(row, 'version')),
  },
  {
    name: 'session_halves',
    key: ['session_id'],
    by: 'account',
    more: [],
    place: (owner, row) => sessionHalfPlace(owner, bytes(row, 'session_id')),
  },
  {
    name: 'totp',
    key: ['account_id'],
    by: 'account',
    more: ['enrolment_id'],
    place: (owner, row) => totpPlace(owner, bytes(row, 'enrolment_id')),
  },
  {
    name: 'checkpoints',
    key: ['vault_id'],
    by: 'vault',
    more: ['named_by_seq'],
    place: (owner, row) => checkpointPlace(owner, bytes(row, 'vault_id'), number(row, 'named_by_seq')),
  },
  {
    name: 'wraps',
    key: ['vault_id', 'blob_id', 'epoch'],
    by: 'vault',
    more: [],
    place: (owner, row) => wrapPlace(owner, bytes(row, 'vault_id'), number(row, 'epoch'), bytes(row, 'blob_id')),
  },
]

interface FoundRow extends Row {
  readonly ctid: string
  readonly sealed: Uint8Array
  readonly outer_version: number
}

function rowsOf(table: SealedTable, accountId: Uint8Array) {
  return table.by === 'account'
    ? sql`${sql.table(table.name)} t WHERE t.account_id = ${accountId}`
    : sql`${sql.table(table.name)} t JOIN vaults v ON v.id = t.vault_id WHERE v.owner_id = ${accountId}`
}

async function readBatch(
  database: Database,
  table: SealedTable,
  wanted: { accountId: Uint8Array; below: number; after: Row | null; limit: number },
): Promise<FoundRow[]> {
  const column = (name: string) => sql.ref(`t.${name}`)
  const key = sql.join(table.key.map(column))
  const columns = sql.join([...table.key, ...table.more].map(column))
  const { after } = wanted
  const later = after === null ? sql`` : sql`AND (${key}) > (${sql.join(table.key.map((name) => sql`${after[name]}`))})`
  const rows = await sql<FoundRow>`
    SELECT t.ctid::text AS ctid, t.sealed, t.outer_version, ${columns} FROM ${rowsOf(table, wanted.accountId)}
      AND t.outer_version < ${wanted.below} ${later} ORDER BY ${key} LIMIT ${wanted.limit}`.execute(database)
  return rows.rows
}

/** Writes rows that nobody has changed since they were read; the others are found by the next look. */
async function writeBatch(
  database: Database,
  table: SealedTable,
  version: number,
  rows: readonly { readonly row: FoundRow; readonly sealed: Uint8Array }[],
): Promise<number> {
  const written = await sql`
    UPDATE ${sql.table(table.name)} AS t SET sealed = n.sealed, outer_version = ${version}
    FROM unnest(
      ${rows.map(({ row }) => row.ctid)}::tid[],
      ${rows.map(({ row }) => row.sealed)}::bytea[],
      ${rows.map(({ sealed }) => sealed)}::bytea[]
    ) AS n (ctid, before, sealed)
    WHERE t.ctid = n.ctid AND t.sealed = n.before`.execute(database)
  return Number(written.numAffectedRows ?? 0n)
}

/**
 * Seals all rows of an account that are under older outer keys under `newest`, in batches that each stand alone.
 *
 * @param step - called after every batch with the rows that it sealed; what it throws ends the work
 * @returns number of rows sealed
 * @throws ServerError `stored_data_damaged` when a row does not open: nothing of it is changed then
 */
export async function resealRows(
  deps: { database: Database; random: Random },
  input: {
    readonly accountId: Uint8Array
    readonly newest: OuterKey
    readonly older: (version: number) => Promise<KeyObject>
    readonly step: (rows: number) => Promise<void>
    readonly batch: number
  },
): Promise<number> {
  const { accountId, newest } = input
  let sealedRows = 0
  for (const table of SEALED_TABLES) {
    let after: Row | null = null
    for (;;) {
      const wanted = { accountId, below: newest.version, after, limit: input.batch }
      const found: FoundRow[] = await readBatch(deps.database, table, wanted)
      const last = found.at(-1)
      if (last === undefined) break
      const sealed = await Promise.all(
        found.map(async (row) => {
          const place = table.place(accountId, row)
          const plaintext = openOuter(await input.older(row.outer_version), place, row.sealed)
          return { row, sealed: sealOuter(deps.random, newest.key, place, plaintext) }
        }),
      )
      const written = await writeBatch(deps.database, table, newest.version, sealed)
      sealedRows += written
      after = last
      await input.step(written)
    }
  }
  return sealedRows
}

/** Whether a row of the account is still under an outer key older than `version`. */
export async function anyOlderRow(
  database: Database | DatabaseTransaction,
  accountId: Uint8Array,
  version: number,
): Promise<boolean> {
  for (const table of SEALED_TABLES) {
    const found = await sql`SELECT 1 FROM ${rowsOf(table, accountId)} AND t.outer_version < ${version} LIMIT 1`.execute(
      database,
    )
    if (found.rows.length > 0) return true
  }
  return false
}

/** Attempts to read a batch whose outer key a rotation removed meanwhile. */
const READ_AGAIN = 3

/**
 * Opens all rows of an account and reports those that do not open; nothing is changed.
 *
 * @throws what `key` throws, but `stored_data_damaged` (no such key), which is reported too
 */
export async function examineSealedRows(
  database: Database,
  input: {
    readonly accountId: Uint8Array
    readonly batch: number
    readonly key: (version: number) => Promise<KeyObject>
    readonly damaged: (table: string) => Promise<void>
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { accountId, batch: limit } = input
  for (const table of SEALED_TABLES) {
    let after: Row | null = null
    for (let attempt = 1; ; ) {
      input.signal.throwIfAborted()
      const found: FoundRow[] = await readBatch(database, table, { accountId, below: 2 ** 31 - 1, after, limit })
      const last = found.at(-1)
      if (last === undefined) break
      try {
        for (const row of found) {
          if (!(await opens(input.key, table.place(accountId, row), row))) await input.damaged(table.name)
        }
      } catch (error) {
        if (!(error instanceof ServerError) || error.code !== 'unavailable' || attempt >= READ_AGAIN) throw error
        attempt += 1
        continue
      }
      attempt = 1
      after = last
    }
  }
}

async function opens(key: (version: number) => Promise<KeyObject>, place: OuterPlace, row: FoundRow): Promise<boolean> {
  try {
    openOuter(await key(row.outer_version), place, row.sealed)
    return true
  } catch (error) {
    if (error instanceof ServerError && error.code === 'stored_data_damaged') return false
    throw error
  }
}
