import type { Database } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'

/** How long a run may go on without a sign of life before another server takes the job over. */
export const LEASE_MS = 2 * 60_000
const RENEW_MS = 20_000
/** By how much the clocks of two servers may differ without a job being run twice. */
const SKEW_MS = 10 * 60_000

/** Thrown by `step`: the server is stopping, or another one has taken the job over. */
export class RunEnded extends Error {
  constructor() {
    super('the run of a job ended early')
    this.name = 'RunEnded'
  }
}

/** The right to run one job now. */
export interface Lease {
  /**
   * To be called between batches: shows a sign of life.
   * @throws RunEnded when the run has to stop
   */
  step(): Promise<void>
}

export interface HeldLease extends Lease {
  /** Ends the run: the job is due again at `dueMs`. */
  release(dueMs: number): Promise<void>
}

interface Deps {
  database: Database
  clock: Clock
  random: Random
}

/**
 * Takes a job that is due and that nobody runs; null otherwise.
 *
 * Leases save work and are no lock: a server whose clock is wrong, or that sleeps longer than its lease, may run a job
 * beside another. So every batch of every job is correct by its own transaction.
 */
export async function takeLease(
  deps: Deps,
  job: { readonly name: string; readonly everyMs: number },
  stopping: AbortSignal,
): Promise<HeldLease | null> {
  const now = deps.clock.nowMs()
  const holder = deps.random.bytes(16)
  // Times further ahead than any that is written, by clocks that differ a little, are those of a wrong clock.
  const taken = await deps.database
    .updateTable('jobs')
    .set({ holder, lease_ends_ms: now + LEASE_MS })
    .where('name', '=', job.name)
    .where((where) => where.or([where('due_ms', '<=', now), where('due_ms', '>', now + job.everyMs + SKEW_MS)]))
    .where((where) =>
      where.or([where('lease_ends_ms', '<=', now), where('lease_ends_ms', '>', now + LEASE_MS + SKEW_MS)]),
    )
    .executeTakeFirst()
  if (taken.numUpdatedRows !== 1n) return null
  let renewedMs = now
  return {
    async step() {
      if (stopping.aborted) throw new RunEnded()
      const at = deps.clock.nowMs()
      if (at >= renewedMs && at < renewedMs + RENEW_MS) return
      const renewed = await deps.database
        .updateTable('jobs')
        .set({ lease_ends_ms: at + LEASE_MS })
        .where('name', '=', job.name)
        .where('holder', '=', holder)
        .executeTakeFirst()
      if (renewed.numUpdatedRows !== 1n) throw new RunEnded()
      renewedMs = at
    },
    async release(dueMs) {
      await deps.database
        .updateTable('jobs')
        .set({ holder: null, lease_ends_ms: 0, due_ms: dueMs })
        .where('name', '=', job.name)
        .where('holder', '=', holder)
        .execute()
    },
  }
}
