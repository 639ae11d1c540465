import { expect, it } from 'vitest'
import { seeded, seedsOf } from './harness/random.ts'
import { runHistory } from './history/run.ts'
import { openHistoryWorld } from './history/world.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const [ACTS, FAULTS] = SOAK ? [10_000, 200] : [1_000, 20]
const [SEED = 1] = seedsOf(1, 1)

it(
  `${ACTS} acts of eight devices on two servers through ${FAULTS} faults lose nothing that was acknowledged`,
  () =>
    seeded(SEED, async () => {
      await using world = await openHistoryWorld()
      const verdict = await runHistory({ world, seed: SEED, acts: ACTS, faults: FAULTS })
      expect(verdict.violations).toEqual([])
      // So many that it says something.
      expect(verdict.acknowledged).toBeGreaterThan(ACTS / 4)
      expect([...verdict.faults.values()].reduce((sum, times) => sum + times, 0)).toBe(FAULTS)
    }),
  SOAK ? 6 * 60 * 60_000 : 15 * 60_000,
)
