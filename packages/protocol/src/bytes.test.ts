import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBytes, encodeBytes } from './base64url.ts'
import { bytesBetween, bytesOf } from './bytes.ts'
import * as z from './zod.ts'

describe('byte strings', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeBytes(encodeBytes(bytes))).toEqual(bytes)
      }),
      { seed: 1 },
    )
  })

  it('have one form only: unused bits that are set are refused', () => {
    expect(decodeBytes('AA')).toEqual(new Uint8Array(1))
    for (const text of ['AB', 'AAB', 'A', 'AA=', 'A+', 'A/', ' AA', 'AA\n']) expect(decodeBytes(text), text).toBeNull()
  })

  it('decode to nothing else than what encodes to the same text', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{0,40}$/), (text) => {
        const bytes = decodeBytes(text)
        if (bytes !== null) expect(encodeBytes(bytes)).toBe(text)
      }),
      { seed: 2 },
    )
  })

  it('of a wrong length are refused in both directions', () => {
    expect(z.safeDecode(bytesOf(16), encodeBytes(new Uint8Array(15))).success).toBe(false)
    expect(z.safeDecode(bytesOf(16), encodeBytes(new Uint8Array(17))).success).toBe(false)
    expect(z.safeDecode(bytesBetween(1, 4), '').success).toBe(false)
    expect(z.safeEncode(bytesOf(16), new Uint8Array(15)).success).toBe(false)
  })
})
