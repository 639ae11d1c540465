import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { statementNames } from './prepared.ts'
import { repeatTransactions } from './repeat.ts'
import type { Database, Tables } from './tables.ts'

const INT8 = 20
const STATEMENT_MS = 60_000
/** What a living server has answered, or given up, long before. */
const ANSWER_MS = STATEMENT_MS + 15_000
/** After this a connection is replaced, so that a pool follows a database that has moved to another machine. */
const LIFETIME_SECONDS = 30 * 60
const READ_ONLY = '25006'
/** What was prepared no longer fits its tables: a newer server has migrated them. */
const PLAN_OUTDATED = '0A000'

/**
 * Set by a statement and not by what a connection begins with, which poolers refuse. Invariant: every statement sees
 * what was committed before it (READ COMMITTED), whatever the database has for its default; all SQL here counts on it.
 */
const SETTINGS = `SELECT set_config('statement_timeout', '${STATEMENT_MS}', false), set_config('lock_timeout', '20000', false),
  set_config('idle_in_transaction_session_timeout', '60000', false),
  set_config('default_transaction_isolation', 'read committed', false), set_config('timezone', 'UTC', false),
  set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
    ELSE current_setting('synchronous_commit') END, false),
  pg_is_in_recovery() AS standby, pg_backend_pid() AS pid`

export interface PoolState {
  /** Connections, those in use included. */
  readonly open: number
  readonly idle: number
  /** Requests that wait for a connection. */
  readonly waiting: number
}

export interface ConnectedDatabase {
  readonly database: Database
  poolState(): PoolState
}

/** A server that must not be written to: the former primary after a failover, or a copy that follows it. */
export class StandbyError extends Error {
  readonly code = READ_ONLY

  constructor() {
    super('it is a standby server, which takes no changes; name the primary')
    this.name = 'StandbyError'
  }
}

/** As `connectPool`, for who needs no more than the database. */
export function connectDatabase(config: pg.PoolConfig, onIdleError: () => void): Database {
  return connectPool(config, onIdleError).database
}

/**
 * Opens a pool. 64-bit integers arrive as numbers: every one of ours is below 2^53.
 *
 * @param onIdleError - told when a pooled connection breaks while nobody uses it; the pool replaces it
 */
export function connectPool(config: pg.PoolConfig, onIdleError: () => void): ConnectedDatabase {
  const pool = new pg.Pool({
    max: 16,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    maxLifetimeSeconds: LIFETIME_SECONDS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    application_name: 'strongroom',
    onConnect: prepare,
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
  return {
    database: repeatTransactions(new Kysely<Tables>({ dialect: new PostgresDialect({ pool: discarding(pool) }) })),
    poolState: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
  }
}

/**
 * Connections that lead to one process of the database for as long as they live. A pooler names processes of its own,
 * and may have the next transaction done by another one, which knows nothing of what was prepared.
 */
const direct = new WeakSet<pg.ClientBase>()

/** @throws StandbyError */
async function prepare(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; pid: number }>(SETTINGS)
  if (rows[0]?.standby === true) throw new StandbyError()
  // What the connection began with; the types leave it out.
  if ((client as { processID?: unknown }).processID === rows[0]?.pid) direct.add(client)
}

/**
 * A pool that does not take a connection back whose server has fallen silent, or takes no changes any more, or whose
 * prepared statements are out of date.
 *
 * Reason: the first still waits for the answer to an old statement, and would let everyone wait who gets it next; the
 * second would refuse all changes for as long as it lives; the third would fail at the same statement each time.
 */
function discarding(pool: pg.Pool): PostgresPool {
  const nameOf = statementNames()
  return {
    async connect() {
      const client = await pool.connect()
      let broken: Error | undefined
      const query = async (text: string, parameters: readonly unknown[]) => {
        if (broken !== undefined) throw broken
        try {
          // Without parameters: what begins and ends transactions, and what costs nothing to plan.
          const name = parameters.length > 0 && direct.has(client) ? nameOf(text) : undefined
          return await client.query({ text, values: [...parameters], ...(name === undefined ? {} : { name }) })
        } catch (error) {
          if (error instanceof Error && isBroken(error)) broken = error
          throw error
        }
      }
      // Kysely calls the one form that is here; its other one is for cursors, which nobody uses.
      return { query, release: () => client.release(broken) } as unknown as PostgresPoolClient
    },
    end: () => pool.end(),
  }
}

function isBroken(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return error.message === 'Query read timeout' || code === READ_ONLY || code === PLAN_OUTDATED
}
