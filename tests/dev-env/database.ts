import { join } from 'node:path'
import pg from 'pg'
import type { DevServer } from './server.ts'

/** A pair of hands of its own on the database of a running server; `end` it before the server stops. */
export function openDatabase({ dataDir, settings }: DevServer): pg.Pool {
  const { DATABASE_URL: connectionString } = settings
  const embedded = {
    host: join(dataDir, 'postgres/socket'),
    port: 5432,
    user: 'strongroom',
    database: 'strongroom',
  }
  const pool = new pg.Pool({ ...(connectionString === undefined ? embedded : { connectionString }), max: 2 })
  // Reason: stopping the server ends PostgreSQL under the pool's idle connections.
  pool.on('error', () => undefined)
  return pool
}
