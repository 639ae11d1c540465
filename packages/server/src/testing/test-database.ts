import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { connectDatabase } from '../database/connect.ts'
import { migrate } from '../database/migrate.ts'
import type { Database } from '../database/tables.ts'

export interface TestDatabase {
  readonly database: Database
  readonly url: string
  /** Closes the pool and drops the database. */
  drop(): Promise<void>
}

/** The server of the project that the test belongs to: `STRONGROOM_TEST_ON` names one beside the usual one. */
function adminUrl(): string {
  const name = process.env.STRONGROOM_TEST_ON === '15' ? 'STRONGROOM_TEST_DATABASE_15' : 'STRONGROOM_TEST_DATABASE'
  const url = process.env[name]
  if (url === undefined) throw new Error(`${name} is not set: run vitest with its global set-up`)
  return url
}

/** The same server's URL with another database. */
function withDatabase(url: string, name: string): string {
  return url.replace(/^([a-z]+:\/\/[^/?]*)\/[^?]*/, `$1/${name}`)
}

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl() })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/** A fresh database with the current schema on the server of `STRONGROOM_TEST_DATABASE`. */
export async function createTestDatabase(options: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE template0`)
  const url = withDatabase(adminUrl(), name)
  const database = connectDatabase({ connectionString: url, max: 6 }, () => undefined)
  if (options.migrated !== false) await migrate(database)
  return {
    database,
    url,
    drop: async () => {
      await database.destroy()
      await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}
