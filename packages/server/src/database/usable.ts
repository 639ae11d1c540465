import { sql } from 'kysely'
import type { Database } from './tables.ts'

const OLDEST_MAJOR = 14

/** A database that this server cannot work with; the message is one line and says what to do. */
export class DatabaseError extends Error {
  readonly code: 'too_old' | 'encoding'

  constructor(code: DatabaseError['code'], message: string) {
    super(message)
    this.name = 'DatabaseError'
    this.code = code
  }
}

export interface DatabaseFacts {
  /** As `server_version_num`: 150014 for 15.14. */
  readonly version: number
  readonly encoding: string
  readonly fsync: boolean
  readonly fullPageWrites: boolean
}

export async function readDatabaseFacts(database: Database): Promise<DatabaseFacts> {
  const found = await sql<{ version: string; encoding: string; fsync: string; pages: string }>`
    SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding,
      current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages`.execute(database)
  const row = found.rows[0]
  return {
    version: Number(row?.version ?? 0),
    encoding: row?.encoding ?? '',
    fsync: row?.fsync === 'on',
    fullPageWrites: row?.pages === 'on',
  }
}

/** @throws DatabaseError */
export function requireUsable({ version, encoding }: DatabaseFacts): void {
  const major = Math.floor(version / 10_000)
  if (major < OLDEST_MAJOR) {
    throw new DatabaseError(
      'too_old',
      `The database of DATABASE_URL is PostgreSQL ${major}; Strongroom needs ${OLDEST_MAJOR} or newer.`,
    )
  }
  if (encoding === 'UTF8') return
  throw new DatabaseError(
    'encoding',
    `The database of DATABASE_URL has the encoding ${encoding}; make one by CREATE DATABASE strongroom ENCODING 'UTF8' TEMPLATE template0.`,
  )
}
