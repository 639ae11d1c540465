import { sql } from 'kysely'
import { MIGRATIONS } from '../database/migrations/index.ts'
import type { Database } from '../database/tables.ts'
import type { Notes } from './check.ts'

const OLDEST = 14
/** What a server has beside its pool: one connection for signals, and some for a moment. */
const BESIDE = 4

/**
 * The database as servers use it; changes nothing.
 *
 * @param pool - most connections of one server's pool; the default setting unless given
 * @returns its clock, in milliseconds
 */
export async function checkDatabase(database: Database, notes: Notes, pool = 16): Promise<number> {
  await checkServer(database, notes, pool + BESIDE)
  await checkDurability(database, notes)
  await checkRole(database, notes)
  await checkSchema(database, notes)
  const found = await sql<{ now: number }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`.execute(database)
  return found.rows[0]?.now ?? 0
}

async function setting(database: Database, name: string): Promise<string> {
  const found = await sql<{ value: string | null }>`SELECT current_setting(${name}, true) AS value`.execute(database)
  return found.rows[0]?.value ?? ''
}

async function checkServer(database: Database, notes: Notes, connections: number): Promise<void> {
  const version = Math.floor(Number(await setting(database, 'server_version_num')) / 10_000)
  if (version >= OLDEST) notes.ok('database.version', `PostgreSQL ${version}`)
  else notes.fail('database.version', `PostgreSQL ${version}`, `use ${OLDEST} or newer`)
  const encoding = await setting(database, 'server_encoding')
  if (encoding === 'UTF8') notes.ok('database.encoding', 'UTF8')
  else
    notes.fail(
      'database.encoding',
      encoding,
      "make the database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    )
  const recovery = await sql<{ standby: boolean }>`SELECT pg_is_in_recovery() AS standby`.execute(database)
  const readOnly = (await setting(database, 'default_transaction_read_only')) === 'on'
  if (recovery.rows[0]?.standby === true || readOnly) {
    notes.fail('database.writable', 'it takes no changes', 'name the primary in DATABASE_URL')
  } else notes.ok('database.writable', 'it takes changes')
  const isolation = await setting(database, 'default_transaction_isolation')
  if (isolation === 'read committed') notes.ok('database.isolation', isolation)
  else {
    notes.warn(
      'database.isolation',
      `transactions begin as ${isolation}`,
      "run: ALTER DATABASE … SET default_transaction_isolation = 'read committed'; servers ask for more where they need it",
    )
  }
  const most = Number(await setting(database, 'max_connections'))
  if (most < connections * 2) {
    notes.warn('database.connections', `max_connections is ${most}`, `give it ${connections} for each server`)
  } else
    notes.ok('database.connections', `max_connections is ${most}: enough for ${Math.floor(most / connections)} servers`)
}

async function checkDurability(database: Database, notes: Notes): Promise<void> {
  const off: string[] = []
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    if ((await setting(database, name)) === 'off') off.push(name)
  }
  if (off.length === 0) return notes.ok('database.durability', 'what is acknowledged is on disk')
  notes.fail(
    'database.durability',
    `${off.join(', ')} ${off.length === 1 ? 'is' : 'are'} off: what was acknowledged is lost when the machine fails`,
    `set ${off.map((name) => `${name} = on`).join(', ')} in postgresql.conf`,
  )
}

async function checkRole(database: Database, notes: Notes): Promise<void> {
  const found = await sql<{ create: boolean; temp: boolean; super: boolean; ssl: boolean | null; local: boolean }>`
    SELECT has_schema_privilege(current_schema(), 'CREATE') AS create,
      has_database_privilege(current_database(), 'TEMPORARY') AS temp,
      (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super,
      (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS ssl,
      coalesce(inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1', true) AS local`.execute(database)
  const role = found.rows[0]
  if (role === undefined) return
  const missing = [
    ...(role.create ? [] : ['CREATE on the schema']),
    ...(role.temp ? [] : ['TEMPORARY on the database']),
  ]
  if (missing.length > 0) {
    notes.fail('database.rights', `the role lacks ${missing.join(' and ')}`, 'make it the owner of the database')
  } else
    notes.ok(
      'database.rights',
      role.super ? 'the role is a superuser, which no server needs' : 'the role may do what servers do',
    )
  if (role.ssl !== true && !role.local) {
    notes.warn('database.tls', 'the way to the database is not encrypted', 'add sslmode=verify-full to DATABASE_URL')
  }
}

async function checkSchema(database: Database, notes: Notes): Promise<void> {
  const there = await sql<{ found: boolean }>`SELECT to_regclass('migrations') IS NOT NULL AS found`.execute(database)
  if (there.rows[0]?.found !== true) {
    return notes.ok('database.schema', 'it is empty: the first server that starts makes the tables')
  }
  const rows = await sql<{ version: number }>`SELECT coalesce(max(version), 0) AS version FROM migrations`.execute(
    database,
  )
  const [has, knows] = [rows.rows[0]?.version ?? 0, MIGRATIONS.at(-1)?.version ?? 0]
  if (has === knows) notes.ok('database.schema', `tables of version ${has}`)
  else if (has < knows)
    notes.ok('database.schema', `tables of version ${has}: the next server that starts brings them to ${knows}`)
  else notes.fail('database.schema', `tables of version ${has}, newer than this program`, 'use the newer program')
}
