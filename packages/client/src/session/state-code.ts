import { ClientError } from '../errors.ts'

const CONSONANTS = 'bdfghjklmnprstvz'
const VOWELS = 'aiou'
const LAST_VOWELS = 'ao'
const WORDS = 6
const BITS_PER_WORD = 11

/** A state code as it was read: a position in the log, and six numbers of 11 bits from its commit hash. */
export interface StateCode {
  readonly seq: number
  readonly numbers: readonly number[]
}

/**
 * The code of a position in a vault's log, for people to compare: the sequence number and six words.
 *
 * @param hash - commit hash, 32 bytes
 * @see spec/state-code.md
 */
export function formatStateCode(seq: number, hash: Uint8Array): string {
  return [seq, ...hashNumbers(hash).map(wordOf)].join(' ')
}

/** Reads a code; case, and what separates its words, do not matter. @throws ClientError `usage` */
export function parseStateCode(text: string): StateCode {
  const [seqText, ...words] = text
    .trim()
    .toLowerCase()
    .split(/[\s,.-]+/)
  const seq = /^\d{1,16}$/.test(seqText ?? '') ? Number(seqText) : Number.NaN
  const numbers = words.map(numberOf)
  if (!Number.isSafeInteger(seq) || words.length !== WORDS || numbers.includes(-1)) {
    throw new ClientError('usage', 'This is no state code: a number and six words, as "state" prints them.')
  }
  return { seq, numbers }
}

/** Whether a commit at the code's position has the hash that the code names. */
export function codeFits(code: StateCode, hash: Uint8Array): boolean {
  return hashNumbers(hash).every((number, index) => number === code.numbers[index])
}

/** The first 66 bits, as six numbers of 11 bits, the first bits first. */
function hashNumbers(hash: Uint8Array): number[] {
  let bits = 0n
  for (const byte of hash.subarray(0, 9)) bits = (bits << 8n) | BigInt(byte)
  bits >>= BigInt(72 - WORDS * BITS_PER_WORD)
  return Array.from({ length: WORDS }, (_, index) =>
    Number((bits >> BigInt((WORDS - 1 - index) * BITS_PER_WORD)) & 0x7ffn),
  )
}

/** consonant (4 bits), vowel (2 bits), consonant (4 bits), last vowel (1 bit) */
function wordOf(number: number): string {
  const letters = [
    CONSONANTS[number >> 7],
    VOWELS[(number >> 5) & 3],
    CONSONANTS[(number >> 1) & 15],
    LAST_VOWELS[number & 1],
  ]
  return letters.join('')
}

/** −1 for what is no word. */
function numberOf(word: string): number {
  if (word.length !== 4) return -1
  const [a, b, c, d] = [
    CONSONANTS.indexOf(word.charAt(0)),
    VOWELS.indexOf(word.charAt(1)),
    CONSONANTS.indexOf(word.charAt(2)),
    LAST_VOWELS.indexOf(word.charAt(3)),
  ]
  if (a < 0 || b < 0 || c < 0 || d < 0) return -1
  return (a << 7) | (b << 5) | (c << 1) | d
}
