import type pg from 'pg'
import type { Opened } from './compose-services.ts'
import { type Config, ConfigError } from './config.ts'
import { connectDatabase, connectPool, type PoolState } from './database/connect.ts'
import { migrate } from './database/migrate.ts'
import type { Database } from './database/tables.ts'
import { readDatabaseFacts, requireUsable } from './database/usable.ts'
import { DatabaseUrlError, databaseConnection } from './database-url.ts'
import type { Logger } from './ports/index.ts'

export interface OpenedDatabase {
  readonly database: Database
  readonly connection: pg.ClientConfig
  poolState(): PoolState
  /** Resolves, with one line, if the embedded database ended. */
  readonly failed: Promise<string>
}

/**
 * The database of DATABASE_URL, else an embedded one that starts now.
 *
 * @throws ConfigError, DatabaseError, and what the connection fails with
 */
export async function openDatabase(config: Config, resources: Opened, logger: Logger): Promise<OpenedDatabase> {
  const onIdleError = () => logger.warn({}, 'a database connection broke')
  const connect = (connection: pg.ClientConfig) => {
    const connected = connectPool({ ...connection, max: config.databasePool }, onIdleError)
    resources.push(() => connected.database.destroy())
    return connected
  }
  if (config.databaseUrl !== null) {
    const connection = connectionOf(config.databaseUrl)
    const connected = connect(connection)
    const facts = await readDatabaseFacts(connected.database)
    requireUsable(facts)
    if (!facts.fsync || !facts.fullPageWrites) {
      logger.warn(
        {},
        'the database has fsync or full_page_writes off: a machine that loses power loses what was acknowledged',
      )
    }
    return { ...connected, connection, failed: new Promise(() => undefined) }
  }
  const { startEmbeddedPostgres } = await import('./adapters/database/embedded.ts')
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir })
  resources.push(() => embedded.close())
  return {
    ...connect(embedded.connection),
    connection: embedded.connection,
    failed: embedded.ended.then(() => 'the embedded PostgreSQL ended; see postgres.log in the data folder'),
  }
}

function connectionOf(databaseUrl: string): pg.ClientConfig {
  try {
    return databaseConnection(databaseUrl)
  } catch (error) {
    throw error instanceof DatabaseUrlError ? new ConfigError(`DATABASE_URL ${error.message}`) : error
  }
}

/**
 * Brings the schema up to date by a connection of its own, which waits for as long as a large table needs, or another
 * server that is at it.
 */
export async function migrateDatabase({ connection }: OpenedDatabase): Promise<void> {
  const patient = { ...connection, max: 1, query_timeout: 0, application_name: 'strongroom-migration' }
  const database = connectDatabase(patient, () => undefined)
  try {
    await migrate(database)
  } finally {
    await database.destroy()
  }
}
