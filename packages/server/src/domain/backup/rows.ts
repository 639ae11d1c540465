import { pipeline, Readable } from 'node:stream'
import { createGunzip, createGzip } from 'node:zlib'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { BackupFolder } from '../../ports/index.ts'
import { type BackupManifest, damaged, tableFile, verifiedStream } from './manifest.ts'

/** Tables that are no data: what expires within minutes, and the versions of the tables, which the manifest has. */
const LEFT_OUT = ['migrations', 'login_states', 'login_tickets', 'recovery_states', 'rate_limits']

/** Rows are fetched by so many, more or fewer as their size wants it. */
const FETCH = { first: 16, most: 4096, bytes: 4 * 1024 * 1024 }
const LINE_BYTES = 64 * 1024 * 1024
const LOAD_BYTES = 4 * 1024 * 1024

/** Every table whose rows are data, by name. */
export async function dataTables(database: Database | DatabaseTransaction): Promise<string[]> {
  const found = await sql<{ name: string }>`
    SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name`.execute(database)
  return found.rows.map(({ name }) => name).filter((name) => !LEFT_OUT.includes(name))
}

/** Version of the newest migration that was applied. */
export async function schemaVersion(database: Database | DatabaseTransaction): Promise<number> {
  const found = await sql<{ version: number }>`SELECT max(version) AS version FROM migrations`.execute(database)
  return found.rows[0]?.version ?? 0
}

/** Writes all tables as they are at one moment, under `prefix`. */
export async function dumpTables(
  deps: { readonly database: Database; readonly folder: BackupFolder },
  options: {
    readonly prefix: string
    readonly signal: AbortSignal
    readonly step: (table: string, rows: number) => Promise<void>
  },
): Promise<Pick<BackupManifest, 'tables' | 'schemaVersion'>> {
  const transaction = deps.database.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return transaction.execute(async (tx) => {
    // Reason: who writes may be slow, and the tables large.
    await sql`SET LOCAL statement_timeout = 0`.execute(tx)
    await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(tx)
    await sql`SET LOCAL bytea_output = 'hex'`.execute(tx)
    await sql`SET LOCAL TimeZone = 'UTC'`.execute(tx)
    const tables: BackupManifest['tables'] = {}
    for (const table of await dataTables(tx)) {
      let rows = 0
      async function* lines(): AsyncGenerator<string> {
        for await (const batch of fetchLines(tx, table)) {
          options.signal.throwIfAborted()
          rows += batch.length
          yield `${batch.join('\n')}\n`
          await options.step(table, rows)
        }
      }
      // Its failure destroys the last stream, where it is met.
      const zipped = pipeline(Readable.from(lines()), createGzip({ level: 1 }), () => undefined)
      const written = await deps.folder.write(`${options.prefix}/${tableFile(table)}`, zipped)
      tables[table] = { rows, ...written }
    }
    return { tables, schemaVersion: await schemaVersion(tx) }
  })
}

async function* fetchLines(tx: DatabaseTransaction, table: string): AsyncGenerator<string[]> {
  await sql`DECLARE dumped NO SCROLL CURSOR FOR
    SELECT row_to_json(t)::text AS line FROM ${sql.table(table)} t`.execute(tx)
  let limit = FETCH.first
  for (;;) {
    const found = await sql<{ line: string }>`FETCH ${sql.lit(limit)} FROM dumped`.execute(tx)
    if (found.rows.length === 0) break
    const lines = found.rows.map(({ line }) => line)
    yield lines
    const bytes = lines.reduce((sum, line) => sum + line.length, 0)
    limit = Math.min(
      FETCH.most,
      Math.max(1, bytes < FETCH.bytes / 2 ? limit * 2 : bytes > FETCH.bytes ? limit / 2 : limit),
    )
    limit = Math.floor(limit)
  }
  await sql`CLOSE dumped`.execute(tx)
}

/** The rows of a table, a line each. @throws BackupError `integrity`, at the latest at the end */
export async function* readLines(
  folder: BackupFolder,
  input: { readonly name: string; readonly prefix: string; readonly table: string; readonly manifest: BackupManifest },
): AsyncGenerator<string> {
  const stored = input.manifest.tables[input.table]
  if (stored === undefined) throw damaged(input.name)
  const file = `${input.prefix}/${tableFile(input.table)}`
  const source = Readable.from(verifiedStream(folder, { file, stored, name: input.name }))
  const unzipped = pipeline(source, createGunzip(), () => undefined)
  const decoder = new TextDecoder()
  let [rest, rows] = ['', 0]
  try {
    for await (const chunk of unzipped) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      if (rest.length > LINE_BYTES) throw damaged(input.name)
      for (const line of lines) {
        rows += 1
        yield line
      }
    }
  } catch (error) {
    // What cannot be unzipped is not what was written.
    throw String((error as { code?: unknown }).code).startsWith('Z_') ? damaged(input.name) : error
  } finally {
    source.destroy()
  }
  if (rest !== '' || rows !== stored.rows) throw damaged(input.name)
}

/** Puts all rows of a backup into empty tables of the same version. To be called in a transaction that is undone if it fails. */
export async function loadTables(
  tx: DatabaseTransaction,
  folder: BackupFolder,
  input: {
    readonly name: string
    readonly prefix: string
    readonly manifest: BackupManifest
    readonly leaveOut: readonly string[]
    readonly signal: AbortSignal
    readonly step: (table: string, rows: number) => Promise<void>
  },
): Promise<void> {
  await sql`SET LOCAL statement_timeout = 0`.execute(tx)
  await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(tx)
  const tables = await dataTables(tx)
  if (Object.keys(input.manifest.tables).some((table) => !tables.includes(table))) throw damaged(input.name)
  for (const table of await byReferences(tx, tables)) {
    if (input.manifest.tables[table] === undefined) throw damaged(input.name)
    // Triggers guard what servers do; these rows have passed them once.
    await sql`ALTER TABLE ${sql.table(table)} DISABLE TRIGGER USER`.execute(tx)
    await sql`DELETE FROM ${sql.table(table)}`.execute(tx)
    const columns = await columnsOf(tx, table)
    let [batch, bytes, rows]: [string[], number, number] = [[], 0, 0]
    const flush = async (): Promise<void> => {
      input.signal.throwIfAborted()
      if (batch.length > 0) await insert(tx, table, columns, batch, input.name)
      rows += batch.length
      ;[batch, bytes] = [[], 0]
      await input.step(table, rows)
    }
    for await (const line of readLines(folder, { ...input, table })) {
      if (input.leaveOut.includes(table)) continue
      batch.push(line)
      bytes += line.length
      if (bytes >= LOAD_BYTES) await flush()
    }
    await flush()
    await sql`ALTER TABLE ${sql.table(table)} ENABLE TRIGGER USER`.execute(tx)
  }
  await advanceIdentities(tx)
}

async function columnsOf(tx: DatabaseTransaction, table: string): Promise<string[]> {
  const found = await sql<{ name: string }>`
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = ${table} ORDER BY ordinal_position`.execute(tx)
  return found.rows.map(({ name }) => name)
}

async function insert(
  tx: DatabaseTransaction,
  table: string,
  columns: readonly string[],
  lines: readonly string[],
  name: string,
): Promise<void> {
  const names = sql.join(columns.map((column) => sql.ref(column)))
  const json = `[${lines.join(',')}]`
  try {
    await sql`
      INSERT INTO ${sql.table(table)} (${names}) OVERRIDING SYSTEM VALUE
      SELECT ${names} FROM json_populate_recordset(NULL::${sql.table(table)}, ${json}::json)`.execute(tx)
  } catch (error) {
    // A class 22 or 23 error is about the values themselves.
    const code = String((error as { code?: unknown }).code)
    throw /^2[23]/.test(code) ? damaged(name) : error
  }
}

/** Tables in an order in which each comes after those that it refers to. */
async function byReferences(tx: DatabaseTransaction, tables: readonly string[]): Promise<string[]> {
  const found = await sql<{ child: string; parent: string }>`
    SELECT c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent
    FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace`.execute(tx)
  const ordered: string[] = []
  const visit = (table: string): void => {
    if (ordered.includes(table)) return
    for (const { child, parent } of found.rows) if (child === table && parent !== table) visit(parent)
    ordered.push(table)
  }
  for (const table of tables) visit(table)
  return ordered.filter((table) => tables.includes(table))
}

/** Identity columns go on after the highest value that was loaded. */
async function advanceIdentities(tx: DatabaseTransaction): Promise<void> {
  const found = await sql<{ table: string; column: string }>`
    SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
    WHERE table_schema = current_schema() AND is_identity = 'YES'`.execute(tx)
  for (const { table, column } of found.rows) {
    await sql`
      SELECT setval(pg_get_serial_sequence(${table}, ${column}),
        (SELECT coalesce(max(${sql.ref(column)}), 0) + 1 FROM ${sql.table(table)}), false)`.execute(tx)
  }
}
