import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { postmasterState } from '../../../../packages/server/src/adapters/database/embedded/process.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../../packages/server/src/adapters/database/embedded.ts'

/** A PostgreSQL that can be ended in every way and comes back on the same socket with what it had made durable. */
export interface KillableDatabase {
  readonly url: string
  /**
   * Ends it: `SIGKILL` as a crash of the machine's kernel would end every process, `SIGQUIT` at once without a
   * checkpoint, `SIGINT` in order; then starts it again, after so many milliseconds.
   */
  restart(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGINT', downMs?: number): Promise<void>
  close(): Promise<void>
}

export async function startKillableDatabase(folder: string): Promise<KillableDatabase> {
  const dataDir = join(folder, 'database')
  let postgres: EmbeddedPostgres = await startEmbeddedPostgres({ dataDir })
  const { url } = postgres
  return {
    url,
    async restart(signal, downMs = 0) {
      const state = await postmasterState(join(dataDir, 'postgres/cluster'))
      if (state !== null) process.kill(state.pid, signal)
      await postgres.ended
      await postgres.close()
      await sleep(downMs)
      postgres = await startEmbeddedPostgres({ dataDir })
      if (postgres.url !== url) throw new Error('the database is on another socket now')
    },
    close: () => postgres.close(),
  }
}
