/** Numbers that depend on a seed alone. */
export interface Random {
  /** 0 ≤ value < limit, whole. */
  below(limit: number): number
  pick<T>(choices: readonly [T, ...T[]]): T
}

/** A generator of mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
  return { below, pick: (choices) => choices[below(choices.length)] ?? choices[0] }
}

/** How many moments a test tries: few, or with STRONGROOM_SOAK=1 as many as the project promises. */
export function moments(few: number): number {
  return process.env.STRONGROOM_SOAK === '1' ? 50 : few
}

/** Seeds of rounds of which a soak has another number than 50. */
export function roundSeeds(first: number, few: number, soak: number): number[] {
  const { STRONGROOM_SEED, STRONGROOM_SOAK } = process.env
  if (STRONGROOM_SEED !== undefined) return [Number(STRONGROOM_SEED)]
  return Array.from({ length: STRONGROOM_SOAK === '1' ? soak : few }, (_, index) => first + index)
}

/** Seeds of a test's rounds. STRONGROOM_SEED repeats the one round that a failure has named. */
export function seedsOf(first: number, few: number): number[] {
  const { STRONGROOM_SEED } = process.env
  if (STRONGROOM_SEED !== undefined) return [Number(STRONGROOM_SEED)]
  return Array.from({ length: moments(few) }, (_, index) => first + index)
}

/** Runs one round; a failure names the seed that repeats it. */
export async function seeded(seed: number, round: (random: Random) => Promise<void>): Promise<void> {
  try {
    await round(randomFrom(seed))
  } catch (cause) {
    throw new Error(`repeat with STRONGROOM_SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}
