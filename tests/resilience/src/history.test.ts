import { expect, it } from 'vitest'
import { roundSeeds, seeded } from './harness/random.ts'
import { runHistory } from './history/run.ts'
import { openHistoryWorld } from './history/world.ts'

const ACTS = 1_000
const FAULTS = 20
/** Ten in a soak: 10,000 acts and 200 faults. */
const ROUNDS = 10

it.each(roundSeeds(1, 1, ROUNDS))(
  `${ACTS} acts of eight devices on two servers through ${FAULTS} faults lose nothing that was acknowledged (seed %d)`,
  { timeout: 15 * 60_000 },
  (seed) =>
    seeded(seed, async () => {
      await using world = await openHistoryWorld()
      const verdict = await runHistory({ world, seed, acts: ACTS, faults: FAULTS })
      expect(verdict.violations).toEqual([])
      // So many that it says something.
      expect(verdict.acknowledged).toBeGreaterThan(ACTS / 5)
      expect([...verdict.faults.values()].reduce((sum, times) => sum + times, 0)).toBe(FAULTS)
    }),
)
