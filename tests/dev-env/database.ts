import { join } from 'node:path'
import pg from 'pg'

/** A pair of hands of its own on the embedded database of a running server; `end` it before the server stops. */
export function openDatabase(dataFolder: string): pg.Pool {
  const pool = new pg.Pool({
    host: join(dataFolder, 'postgres/socket'),
    port: 5432,
    user: 'strongroom',
    database: 'strongroom',
    max: 2,
  })
  // Reason: stopping the server ends PostgreSQL under the pool's idle connections.
  pool.on('error', () => undefined)
  return pool
}
