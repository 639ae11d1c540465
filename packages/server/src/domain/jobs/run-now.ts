import type { Database } from '../../database/tables.ts'
import type { Clock, LogFields, Random } from '../../ports/index.ts'
import { takeLease } from './lease.ts'
import type { Job } from './runner.ts'

/**
 * Runs one job now, due or not, under its lease.
 *
 * @returns what it did; null where a server is running it at this moment
 * @throws RunEnded once `signal` is set, and what the job throws
 */
export async function runNow(
  deps: { database: Database; clock: Clock; random: Random },
  job: Job,
  signal: AbortSignal,
): Promise<LogFields | null> {
  await deps.database
    .insertInto('jobs')
    .values({ name: job.name, holder: null })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ due_ms: 0 }))
    .execute()
  const lease = await takeLease(deps, job, signal)
  if (lease === null) return null
  try {
    const done = await job.run(lease)
    await lease.release(deps.clock.nowMs() + job.everyMs)
    return done
  } catch (error) {
    await lease.release(0)
    throw error
  }
}
