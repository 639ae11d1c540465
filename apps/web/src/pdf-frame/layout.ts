export const MIN_SCALE = 0.25
export const MAX_SCALE = 5
/** Space around pages. */
export const MARGIN_PX = 12

/** Sizes of pages at their natural scale, in CSS pixels. */
export interface PageSizes {
  readonly widths: Float64Array
  readonly heights: Float64Array
}

/** Where pages lie under each other. */
export interface PageLayout {
  readonly scales: Float64Array
  readonly tops: Float64Array
  /** Of all pages together. */
  readonly height: number
}

/** @param scale - of all pages; null fits each to the width */
export function layOut({ widths, heights }: PageSizes, scale: number | null, width: number): PageLayout {
  const scales = new Float64Array(widths.length)
  const tops = new Float64Array(widths.length)
  let top = MARGIN_PX
  for (let index = 0; index < widths.length; index += 1) {
    const fitting = (width - 2 * MARGIN_PX) / (widths[index] ?? 1)
    const own = scale ?? Math.min(MAX_SCALE, Math.max(MIN_SCALE, fitting))
    scales[index] = own
    tops[index] = top
    top += (heights[index] ?? 0) * own + MARGIN_PX
  }
  return { scales, tops, height: top }
}

/** Index of the last page that begins at or above `y`; 0 above all. */
export function pageAt({ tops }: PageLayout, y: number): number {
  let [low, high] = [0, tops.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((tops[middle] ?? 0) <= y) low = middle
    else high = middle - 1
  }
  return low
}
