import type { Parameters } from 'fast-check'

const SOAK = process.env.STRONGROOM_SOAK === '1'

/** Seed of the fixed sample; soaks take a new one each time, which a failure prints. */
const SAMPLE_SEED = 20_261_129

/** Time limit of a test of stories. */
export const TIMEOUT_MS = SOAK ? 4 * 60 * 60 * 1000 : 10 * 60 * 1000

/**
 * How often and from which seed a property runs. `STRONGROOM_SEED`, and `STRONGROOM_PATH`, repeat what a failure has
 * printed as `seed` and `path`; `STRONGROOM_RUNS` sets the number of runs.
 */
export function assertion<T>(runs: { readonly sample: number; readonly soak: number }): Parameters<T> {
  const { STRONGROOM_SEED: seed, STRONGROOM_PATH: path, STRONGROOM_RUNS: count } = process.env
  return {
    numRuns: count !== undefined ? Number(count) : SOAK ? runs.soak : runs.sample,
    ...(seed !== undefined ? { seed: Number(seed) } : SOAK ? {} : { seed: SAMPLE_SEED }),
    ...(path === undefined ? {} : { path }),
    // Finding the smallest failing story takes its time: whoever repeats one has it.
    endOnFailure: seed === undefined,
  }
}
