import { describe, expect, it } from 'vitest'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { roundSeeds, seeded } from './harness/random.ts'
import { openEnginesWorld } from './history/engines-world.ts'
import { runHistory } from './history/run.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const [ACTS, FAULTS] = SOAK ? [1_000, 20] : [200, 8]
/** Ten in a soak: 10,000 acts and 200 faults. */
const ROUNDS = 10

describe.skipIf(isLeftOut('ceph'))('two servers behind haproxy on PostgreSQL 15, a bucket of Ceph and a KMS', () => {
  it.each(roundSeeds(21, 1, ROUNDS))(
    `lose nothing that was acknowledged in ${ACTS} acts through ${FAULTS} faults (seed %d)`,
    { timeout: 20 * 60_000 },
    (seed) =>
      seeded(seed, async () => {
        await using world = await openEnginesWorld()
        const verdict = await runHistory({ world, seed, acts: ACTS, faults: FAULTS })
        if (SOAK) console.log(seed, verdict.acknowledged, verdict.faults, verdict.ended)
        expect(verdict.violations).toEqual([])
        // So many that it says something.
        expect(verdict.acknowledged).toBeGreaterThan(ACTS / 8)
        expect([...verdict.faults.values()].reduce((sum, times) => sum + times, 0)).toBe(FAULTS)
      }),
  )
})
