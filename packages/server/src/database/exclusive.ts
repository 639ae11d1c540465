import { sql } from 'kysely'
import type { Database } from './tables.ts'

/** Work that one server does at a time. Numbers are arbitrary and fixed: those of the advisory locks. */
const LOCKS = { backup: 5_373_043, 'kms-rotation': 5_373_044 } as const

/**
 * Does `task` on one server of the database at a time.
 *
 * The lock is that of a transaction in which nothing else happens: it ends with the connection of a server that dies,
 * and a pooler that lends connections for one transaction keeps this one for as long as the task takes. Without a
 * snapshot, an idle transaction holds back no vacuum.
 *
 * @returns null, and nothing is done, while another one is at it
 */
export async function exclusively<T>(
  database: Database,
  lock: keyof typeof LOCKS,
  task: () => Promise<T>,
): Promise<{ readonly result: T } | null> {
  return database.connection().execute(async (connection) => {
    await sql`BEGIN`.execute(connection)
    try {
      await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(connection)
      // Without parameters: the portal of a prepared statement would keep its snapshot.
      const found = await sql<{ held: boolean }>`
        SELECT pg_try_advisory_xact_lock(${sql.lit(LOCKS[lock])}) AS held`.execute(connection)
      return found.rows[0]?.held === true ? { result: await task() } : null
    } finally {
      // Nothing was written in it. Where the connection broke, the lock is gone already.
      await sql`ROLLBACK`.execute(connection).catch(() => undefined)
    }
  })
}
