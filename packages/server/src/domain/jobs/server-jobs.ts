import { removeUnfinished } from '../accounts/login-state.ts'
import { foldAudits } from '../audit/fold.ts'
import { collectBlobs } from '../blobs/collect.ts'
import { SWEEP_MS, type SweepDeps, sweepStore } from '../blobs/sweep.ts'
import { removeOlderWraps } from '../commits/confirm-wraps.ts'
import { clearDeleted } from '../deletion/clear-deleted.ts'
import { issueReceipts } from '../deletion/receipts.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { removeEnded } from '../sessions/housekeeping.ts'
import type { Job } from './runner.ts'

const MINUTE_MS = 60_000

/** Everything that servers do in the background. */
export function serverJobs(deps: SweepDeps & { setup: ServerSetup }): readonly Job[] {
  return [
    {
      name: 'remove-ended',
      everyMs: MINUTE_MS,
      run: async () => ({ removed: (await removeEnded(deps)) + (await removeUnfinished(deps)) }),
    },
    {
      name: 'write-audit',
      everyMs: MINUTE_MS,
      run: async (lease) => ({ accounts: await foldAudits(deps, lease) }),
    },
    {
      name: 'issue-receipts',
      everyMs: MINUTE_MS,
      run: async (lease) => ({ receipts: await issueReceipts(deps, lease) }),
    },
    {
      name: 'clear-deleted',
      everyMs: MINUTE_MS,
      run: async (lease) => ({ accounts: await clearDeleted(deps, lease) }),
    },
    {
      name: 'collect-blobs',
      everyMs: 10 * MINUTE_MS,
      run: async (lease) => ({ ...(await collectBlobs(deps, lease)) }),
    },
    {
      name: 'remove-older-wraps',
      everyMs: 10 * MINUTE_MS,
      run: async (lease) => ({ removed: await removeOlderWraps(deps, lease) }),
    },
    { name: 'sweep-store', everyMs: SWEEP_MS, run: async (lease) => ({ ...(await sweepStore(deps, lease)) }) },
  ]
}
