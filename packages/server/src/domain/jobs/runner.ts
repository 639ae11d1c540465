import type { Database } from '../../database/tables.ts'
import type { Clock, LogFields, Logger, Meter, Random } from '../../ports/index.ts'
import { NO_METER } from '../metering/measure.ts'
import { type Lease, RunEnded, takeLease } from './lease.ts'

/** A failed job is tried again after this, or its own interval where that is shorter. */
const RETRY_MS = 60_000

/** Work that one server at a time does in the background, again and again. */
export interface Job {
  readonly name: string
  readonly everyMs: number
  /** One run, in batches that may be interrupted anywhere; returns what it did, in numbers. */
  run(lease: Lease): Promise<LogFields>
}

export interface JobRunner {
  /** Runs every job that is due and that no other server runs, one after the other. Never throws. */
  runDue(): Promise<void>
  /** Makes running jobs end at their next step; later calls of `runDue` do nothing. */
  stop(): void
}

interface Deps {
  database: Database
  clock: Clock
  random: Random
  logger: Logger
  meter?: Meter
}

/** Runs jobs under leases in the database, beside any number of other servers. */
export function jobRunner(deps: Deps, jobs: readonly Job[]): JobRunner {
  const stopping = new AbortController()
  const { meter = NO_METER } = deps

  async function runOne(job: Job): Promise<void> {
    const lease = await takeLease(deps, job, stopping.signal)
    if (lease === null) return
    const startMs = deps.clock.nowMs()
    try {
      const done = await job.run(lease)
      await lease.release(deps.clock.nowMs() + job.everyMs)
      meter.count('jobs', { name: job.name, outcome: 'done' })
      meter.time('job', { name: job.name }, (deps.clock.nowMs() - startMs) / 1000)
      if (Object.values(done).some((value) => value !== 0)) {
        deps.logger.info({ job: job.name, ms: deps.clock.nowMs() - startMs, ...done }, 'job')
      }
    } catch (error) {
      const ended = error instanceof RunEnded
      meter.count('jobs', { name: job.name, outcome: ended ? 'interrupted' : 'failed' })
      await lease.release(deps.clock.nowMs() + (ended ? 0 : Math.min(RETRY_MS, job.everyMs)))
      if (!ended) throw error
    }
  }

  return {
    async runDue() {
      try {
        if (stopping.signal.aborted) return
        await deps.database
          .insertInto('jobs')
          .values(jobs.map(({ name }) => ({ name, holder: null })))
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      } catch {
        deps.logger.warn({}, 'jobs cannot be read and will be tried again')
        return
      }
      for (const job of jobs) {
        if (stopping.signal.aborted) return
        await runOne(job).catch(() => deps.logger.warn({ job: job.name }, 'a job failed and will be tried again'))
      }
    },
    stop: () => stopping.abort(),
  }
}
