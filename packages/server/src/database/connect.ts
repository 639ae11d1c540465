import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Database, Tables } from './tables.ts'

const INT8 = 20

/**
 * Opens a pool. 64-bit integers arrive as numbers: every one of ours is below 2^53.
 *
 * @param onIdleError - told when a pooled connection breaks while nobody uses it; the pool replaces it
 */
export function connectDatabase(config: pg.PoolConfig, onIdleError: () => void): Database {
  const pool = new pg.Pool({
    max: 16,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 60_000,
    lock_timeout: 20_000,
    idle_in_transaction_session_timeout: 60_000,
    application_name: 'strongroom',
    ...config,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
    } as pg.CustomTypesConfig,
  })
  pool.on('error', onIdleError)
  // Reason: the pool listens to idle clients only. A connection that breaks between two statements of a transaction
  // would otherwise end the process; its next statement fails and says so.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
}
