import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from './encoding.ts'
import { padObject, unpadObject } from './padding.ts'
import { outcome } from './testing/expect.ts'

describe('object padding', () => {
  it('is undone exactly', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => equalBytes(unpadObject(padObject(bytes)), bytes)),
      { seed: 5, numRuns: 200 },
    )
  })

  it('hides lengths up to 252 bytes', () => {
    expect([0, 100, 252].map((length) => padObject(new Uint8Array(length)).length)).toEqual([256, 256, 256])
    expect(padObject(new Uint8Array(253)).length).toBe(272)
  })

  it('refuses non-zero padding, other lengths and lengths that lie', async () => {
    const padded = padObject(Uint8Array.of(1, 2, 3))
    for (let offset = 7; offset < padded.length; offset++) {
      const changed = padded.slice()
      changed[offset] = 1
      expect(await outcome(() => unpadObject(changed))).toBe('malformed')
    }
    const lying = padded.slice()
    lying.set([255, 255, 255, 255])
    for (const bytes of [lying, padded.slice(0, 255), new Uint8Array(257), new Uint8Array(0), new Uint8Array(3)]) {
      expect(await outcome(() => unpadObject(bytes))).toBe('malformed')
    }
  })
})
