import { collectBlobs } from '../blobs/collect.ts'
import { SWEEP_MS, type SweepDeps, sweepStore } from '../blobs/sweep.ts'
import { removeEnded } from '../sessions/housekeeping.ts'
import type { Job } from './runner.ts'

const MINUTE_MS = 60_000

/** Everything that servers do in the background. */
export function serverJobs(deps: SweepDeps): readonly Job[] {
  return [
    { name: 'remove-ended', everyMs: MINUTE_MS, run: async () => ({ removed: await removeEnded(deps) }) },
    {
      name: 'collect-blobs',
      everyMs: 10 * MINUTE_MS,
      run: async (lease) => ({ ...(await collectBlobs(deps, lease)) }),
    },
    { name: 'sweep-store', everyMs: SWEEP_MS, run: async (lease) => ({ ...(await sweepStore(deps, lease)) }) },
  ]
}
