import { startDebianPostgres } from './engines/postgres-debian.ts'

/** Vitest global set-up of the tests that run on PostgreSQL 15 as well: `STRONGROOM_TEST_DATABASE_15`, once per run. */
export async function setup(): Promise<() => Promise<void>> {
  const postgres = await startDebianPostgres({ settings: ['max_connections=200'] })
  process.env.STRONGROOM_TEST_DATABASE_15 = postgres.url()
  return async () => {
    delete process.env.STRONGROOM_TEST_DATABASE_15
    await postgres.close()
  }
}
