import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { MIGRATIONS, type Migration } from './migrations/index.ts'
import type { Database } from './tables.ts'

// Any fixed number will do; it must only differ from other users of advisory locks in this database.
const LOCK = 5_373_042

/**
 * Brings the schema up to date, in one transaction under an advisory lock: of several starting servers one migrates
 * and the others find it done.
 *
 * @throws Error when the database is newer than this code or an applied migration was edited
 */
export async function migrate(database: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  await database.transaction().execute(async (tx) => {
    // Reason: another server may be at it, and large tables take their time; who uses them must not wait that long.
    await sql`SET LOCAL statement_timeout = 0`.execute(tx)
    await sql`SET LOCAL lock_timeout = 0`.execute(tx)
    await sql`SELECT pg_advisory_xact_lock(${LOCK})`.execute(tx)
    await sql`SET LOCAL lock_timeout = '30s'`.execute(tx)
    await sql`CREATE TABLE IF NOT EXISTS migrations (
      version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now())`.execute(tx)
    const rows = await sql<{ version: number; checksum: string }>`SELECT version, checksum FROM migrations`.execute(tx)
    const applied = new Map(rows.rows.map((row) => [row.version, row.checksum]))
    const newest = Math.max(0, ...applied.keys())
    if (newest > (migrations.at(-1)?.version ?? 0)) {
      throw new Error(`the database has schema version ${newest}, which is newer than this server; upgrade the server`)
    }
    for (const migration of migrations) {
      const checksum = createHash('sha256').update(migration.sql).digest('hex')
      const known = applied.get(migration.version)
      if (known === checksum) continue
      if (known !== undefined) throw new Error(`migration ${migration.version} differs from the one that was applied`)
      await sql.raw(migration.sql).execute(tx)
      await sql`INSERT INTO migrations (version, name, checksum)
        VALUES (${migration.version}, ${migration.name}, ${checksum})`.execute(tx)
    }
  })
}

/**
 * Makes sure that the schema is the one of this code, for programs that work beside a server and change none.
 *
 * @throws Error with one line that says what to do
 */
export async function requireSchema(database: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const there = await sql<{ found: boolean }>`SELECT to_regclass('migrations') IS NOT NULL AS found`.execute(database)
  const rows = there.rows[0]?.found
    ? (await sql<{ version: number }>`SELECT version FROM migrations`.execute(database)).rows
    : []
  const applied = new Set(rows.map((row) => row.version))
  const known = migrations.every((migration) => applied.has(migration.version))
  if (known && applied.size === migrations.length) return
  throw new Error('the database is of another version than this program; start the server of this version on it first')
}
