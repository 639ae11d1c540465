import { describe, expect, it } from 'vitest'
import { layOut, MARGIN_PX, pageAt } from './layout.ts'

const SIZES = { widths: Float64Array.of(800, 400, 800), heights: Float64Array.of(1_000, 200, 1_000) }

describe('the layout of pages', () => {
  it('gives all pages one scale, or each the width', () => {
    expect([...layOut(SIZES, 0.5, 700).tops]).toEqual([12, 524, 636])
    const fitted = layOut(SIZES, null, 800 + 2 * MARGIN_PX)
    expect([...fitted.scales]).toEqual([1, 2, 1])
    expect(fitted.height).toBe(12 + 1_000 + 12 + 400 + 12 + 1_000 + 12)
  })

  it('finds the page at a height', () => {
    const layout = layOut(SIZES, 1, 1_000)
    expect([-5, 12, 1_011, 1_023, 1_024, 99_999].map((y) => pageAt(layout, y))).toEqual([0, 0, 0, 0, 1, 2])
  })

  it('keeps pages of absurd sizes within the limits of zoom', () => {
    const { scales } = layOut({ widths: Float64Array.of(1, 1e6), heights: Float64Array.of(1, 1) }, null, 1_000)
    expect([...scales]).toEqual([5, 0.25])
  })
})
