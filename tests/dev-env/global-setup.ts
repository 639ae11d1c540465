import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbeddedPostgres } from '../../packages/server/src/adapters/database/embedded.ts'

/**
 * Vitest global set-up: one embedded PostgreSQL for the whole run. `STRONGROOM_TEST_DATABASE` holds the URL of its
 * administrator, who may create a database per test file. A server given from outside is used as it is.
 */
export async function setup(): Promise<() => Promise<void>> {
  if (process.env.STRONGROOM_TEST_DATABASE) return async () => undefined
  const dataDir = await mkdtemp(path.join(tmpdir(), 'strongroom-test-'))
  const postgres = await startEmbeddedPostgres({ dataDir })
  process.env.STRONGROOM_TEST_DATABASE = postgres.url
  return async () => {
    delete process.env.STRONGROOM_TEST_DATABASE
    await postgres.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}
