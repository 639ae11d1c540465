import type { BlobStore } from '../../ports/index.ts'
import type { Job } from '../jobs/runner.ts'
import { resumeKmsRotation } from './kms-rotation.ts'
import { finishOuterRotation, type OuterRotationDeps, unfinishedOuterRotations } from './rotate-outer.ts'
import { destroyDoomedKeys } from './shred.ts'

const MINUTE_MS = 60_000
const ACCOUNTS_A_RUN = 1000

/** What goes on with work on keys whose server died, and repeats what the key service could not do. */
export function keyJobs(
  deps: OuterRotationDeps & { store: Pick<BlobStore, 'readNamed' | 'replaceNamed'> },
): readonly Job[] {
  return [
    {
      name: 'rotate-kms-key',
      everyMs: MINUTE_MS,
      run: async (lease) => {
        const result = await resumeKmsRotation(deps, { step: () => lease.step() })
        return { moved: result?.moved ?? 0, failed: result?.failed ?? 0 }
      },
    },
    {
      name: 'rotate-outer-keys',
      everyMs: 5 * MINUTE_MS,
      run: async (lease) => {
        let rows = 0
        const accounts = await unfinishedOuterRotations(deps.database, ACCOUNTS_A_RUN)
        for (const accountId of accounts) {
          rows += (await finishOuterRotation(deps, accountId, () => lease.step())).rows
        }
        return { accounts: accounts.length, rows }
      },
    },
    {
      name: 'destroy-kms-keys',
      everyMs: 10 * MINUTE_MS,
      run: async (lease) => ({ destroyed: (await destroyDoomedKeys(deps, { step: () => lease.step() })).length }),
    },
  ]
}
