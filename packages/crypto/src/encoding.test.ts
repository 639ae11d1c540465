import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareBytes,
  concat,
  equalBytes,
  fromHex,
  fromUtf8,
  i64,
  isZero,
  readI64,
  readU32,
  readU64,
  toHex,
  u16,
  u32,
  u64,
  utf8,
} from './encoding.ts'

const run = { seed: 3, numRuns: 300 }
const bytes = fc.uint8Array({ maxLength: 40 })

describe('encoding', () => {
  it('writes and reads integers as inverses', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.maxSafeNat(), fc.maxSafeInteger(), (a, b, c) => {
        expect([readU32(u32(a)), readU64(u64(b)), readI64(i64(c))]).toEqual([a, b, c])
      }),
      run,
    )
    expect(toHex(concat(u16(258), u32(1), i64(-1)))).toBe('010200000001ffffffffffffffff')
  })

  it('refuses integers that do not fit', () => {
    for (const write of [u16, u32, u64]) for (const value of [-1, 0.5, 2 ** 53]) expect(() => write(value)).toThrow()
    expect(() => i64(2 ** 53)).toThrow()
    expect(() => readU64(new Uint8Array(8).fill(255))).toThrow()
    expect(() => readU32(new Uint8Array(3))).toThrow()
  })

  it('reads hexadecimal of either case and refuses anything else', () => {
    fc.assert(
      fc.property(bytes, (value) => equalBytes(fromHex(toHex(value)), value)),
      run,
    )
    for (const text of ['0', '0g', ' 00', '0x00']) expect(() => fromHex(text)).toThrow()
  })

  it('reads UTF-8 exactly, a byte order mark included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => fromUtf8(utf8(text)) === text),
      run,
    )
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
    expect(() => fromUtf8(Uint8Array.of(0xff))).toThrow()
  })

  it('compares and orders as lexicographic order does', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const order = Buffer.compare(a, b)
        expect(Math.sign(compareBytes(a, b))).toBe(order)
        expect(equalBytes(a, b)).toBe(order === 0)
      }),
      run,
    )
    expect([isZero(new Uint8Array(3)), isZero(Uint8Array.of(0, 1))]).toEqual([true, false])
  })
})
