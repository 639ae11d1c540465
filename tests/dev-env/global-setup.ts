import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbeddedPostgres } from '../../packages/server/src/adapters/database/embedded.ts'
import { startDebianPostgres } from './engines/postgres-debian.ts'

/**
 * Vitest global set-up: one PostgreSQL for the whole run. `STRONGROOM_TEST_DATABASE` holds the URL of its
 * administrator, who may create a database per test file. A server given from outside is used as it is; `15` and `18`
 * start one of that version: Debian's, and the embedded one, which is the default.
 */
export async function setup(): Promise<() => Promise<void>> {
  const wanted = process.env.STRONGROOM_TEST_DATABASE ?? ''
  if (wanted !== '' && wanted !== '15' && wanted !== '18') return async () => undefined
  const { url, close } = wanted === '15' ? await startDebian() : await startEmbedded()
  process.env.STRONGROOM_TEST_DATABASE = url
  return async () => {
    delete process.env.STRONGROOM_TEST_DATABASE
    await close()
  }
}

interface Started {
  readonly url: string
  close(): Promise<void>
}

async function startEmbedded(): Promise<Started> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'strongroom-test-'))
  const postgres = await startEmbeddedPostgres({ dataDir })
  return {
    url: postgres.url,
    close: async () => {
      await postgres.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function startDebian(): Promise<Started> {
  const postgres = await startDebianPostgres({ settings: ['max_connections=200'] })
  return { url: postgres.url(), close: () => postgres.close() }
}
