import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MOST_ADDED, nextSpan, type Span } from './drawn-range.ts'

const COUNT = 10_000
const OVERSCAN = 24
const VISIBLE = 17

const rangeAt = (startIndex: number) => ({
  startIndex,
  endIndex: Math.min(COUNT - 1, startIndex + VISIBLE - 1),
  overscan: OVERSCAN,
  count: COUNT,
})

function newRows(before: Span, after: Span): number {
  let added = 0
  for (let row = after.first; row <= after.last; row += 1) if (row < before.first || row > before.last) added += 1
  return added
}

describe('the rows that a list draws', () => {
  it('hold every visible row, and at most a few new ones beside them, wherever a list is scrolled to', () => {
    const places = fc.array(fc.integer({ min: 0, max: COUNT - 1 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(places, (starts) => {
        let drawn: Span = { first: 0, last: -1 }
        for (const start of starts) {
          const range = rangeAt(start)
          const next = nextSpan(drawn, range)
          expect(next.first).toBeLessThanOrEqual(range.startIndex)
          expect(next.last).toBeGreaterThanOrEqual(range.endIndex)
          expect(next.first).toBeGreaterThanOrEqual(0)
          expect(next.last).toBeLessThan(COUNT)
          expect(newRows(drawn, next)).toBeLessThanOrEqual(VISIBLE + MOST_ADDED)
          drawn = next
        }
      }),
      { seed: 20_261_130, numRuns: 200 },
    )
  })

  it('are all that are wanted after a few drawings in one place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: COUNT - 1 }), fc.integer({ min: 0, max: COUNT - 1 }), (from, to) => {
        let drawn = nextSpan({ first: 0, last: -1 }, rangeAt(from))
        for (let drawings = 0; drawings < 10 && !drawn.isWhole; drawings += 1) drawn = nextSpan(drawn, rangeAt(to))
        drawn = nextSpan(drawn, rangeAt(to))
        for (let drawings = 0; drawings < 5; drawings += 1) drawn = nextSpan(drawn, rangeAt(to))
        expect(drawn).toEqual({
          first: Math.max(0, to - OVERSCAN),
          last: Math.min(COUNT - 1, to + VISIBLE - 1 + OVERSCAN),
          isWhole: true,
        })
      }),
      { seed: 20_261_130, numRuns: 200 },
    )
  })
})
