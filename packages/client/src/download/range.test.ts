import { contentLayout, partPlaintextRange } from '@strongroom/crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sliceRange } from './range.ts'

const MIB = 1024 * 1024

describe('sliceRange', () => {
  it('covers exactly the range, in order, within the parts', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 200 * MIB }))
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (total, a, b) => {
        const layout = contentLayout(total)
        const offset = a % (total + 1)
        const length = b % (total + 2)
        const end = Math.min(total, offset + length)
        let at = offset
        for (const slice of sliceRange(layout, offset, length)) {
          const part = partPlaintextRange(layout, slice.index)
          expect(part.offset + slice.start).toBe(at)
          expect(slice.end).toBeGreaterThan(slice.start)
          expect(slice.end).toBeLessThanOrEqual(part.length)
          at = part.offset + slice.end
        }
        expect(at).toBe(Math.max(offset, end))
      }),
      { seed: 7, numRuns: 300 },
    )
  })

  it('fetches no part that is only padding', () => {
    // 8,387,585 bytes leave one true byte for the second part, and padding after it.
    const layout = contentLayout(8_387_585)
    expect(sliceRange(layout, 0, undefined).map(({ index }) => index)).toEqual([0, 1])
    expect(sliceRange(contentLayout(0), 0, undefined)).toEqual([])
  })

  it.each([
    [-1, 1],
    [0.5, 1],
    [11, 1],
    [0, -1],
    [0, 1.5],
    [Number.NaN, 1],
  ])('refuses the offset %d with the length %d', (offset, length) => {
    expect(() => sliceRange(contentLayout(10), offset, length)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
