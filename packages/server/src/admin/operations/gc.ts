import { z } from 'zod'
import { countDue } from '../../domain/jobs/due.ts'
import { runNow } from '../../domain/jobs/run-now.ts'
import { serverJobs } from '../../domain/jobs/server-jobs.ts'
import { defineOperation } from '../operation.ts'

const jobReport = z.object({
  job: z.string(),
  /** A server is running it at this moment; nothing was done here. */
  busy: z.boolean(),
  /** What was removed or changed, in numbers; with a dry run what would be. */
  done: z.record(z.string(), z.number()),
})

/** `gc`: runs everything that servers do in the background, now, or says what it would remove. */
export const gc = defineOperation({
  name: 'gc',
  input: z.strictObject({ dryRun: z.boolean().default(false) }),
  output: z.object({ dryRun: z.boolean(), jobs: z.array(jobReport) }),
  async run(deps, input, call) {
    if (input.dryRun) {
      const due = Object.entries(await countDue(deps))
      return { dryRun: true, jobs: due.map(([job, done]) => ({ job, busy: false, done })) }
    }
    const jobs: z.output<typeof jobReport>[] = []
    for (const job of serverJobs(deps)) {
      await call.progress({ job: job.name })
      const done = await runNow(deps, job, call.signal)
      jobs.push({ job: job.name, busy: done === null, done: numbersOf(done ?? {}) })
    }
    return { dryRun: false, jobs }
  },
})

function numbersOf(fields: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  )
}
