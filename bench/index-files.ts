/** Password of every account of the suite `index`. */
export { PASSWORD as BENCH_PASSWORD } from '../tests/e2e/src/sdk/sdk.ts'

/** Searches of each device. */
export const SEARCHES = 15
export const MOST_FOUND = 1_000
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** A three-letter syllable and more, spread so that a search for three letters finds some of many. */
export function nameOf(index: number): string {
  const letter = (at: number): string => LETTERS[Math.floor((index * 7919) / 26 ** at) % 26] ?? 'a'
  return `${letter(0)}${letter(1)}${letter(2)}${letter(3)} holiday ${index}.jpg`
}
