import { readFileSync } from 'node:fs'
import { fromHex } from '@strongroom/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeFits, formatStateCode, parseStateCode } from './state-code.ts'

interface Vectors {
  codes: { seq: number; hash: string; code: string }[]
  refused: string[]
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../../../../spec/vectors/state-codes.json', import.meta.url), 'utf8'),
)
const hash32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const SEED = { seed: 20261129, numRuns: 200 }

describe('state codes', () => {
  it.each(vectors.codes)('$code', ({ seq, hash, code }) => {
    expect(formatStateCode(seq, fromHex(hash))).toBe(code)
    const parsed = parseStateCode(code)
    expect(parsed.seq).toBe(seq)
    expect(codeFits(parsed, fromHex(hash))).toBe(true)
  })

  it.each(vectors.refused)('%j is none', (text) => {
    expect(() => parseStateCode(text)).toThrow(/no state code/)
  })

  it('are read whatever their case and separators', () => {
    const code = formatStateCode(7, fromHex('ab'.repeat(32)))
    expect(parseStateCode(`  ${code.toUpperCase().replaceAll(' ', '-')}\n`)).toEqual(parseStateCode(code))
  })

  it('have 2,048 different words', () => {
    const words = new Set<string>()
    for (let number = 0; number < 2048; number += 1) {
      const hash = new Uint8Array(32)
      hash[0] = number >> 3
      hash[1] = (number & 7) << 5
      words.add(formatStateCode(0, hash).split(' ')[1] ?? '')
    }
    expect(words.size).toBe(2048)
  })

  it('fit a hash exactly when its first 66 bits are the same', () => {
    fc.assert(
      fc.property(hash32, fc.nat(255), (hash, bit) => {
        const other = hash.slice()
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
        const code = parseStateCode(formatStateCode(3, hash))
        expect(codeFits(code, hash)).toBe(true)
        expect(codeFits(code, other)).toBe(bit >= 66)
      }),
      SEED,
    )
  })
})
