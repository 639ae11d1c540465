import type { Range } from '@tanstack/react-virtual'
import { useEffect, useRef, useState } from 'react'

/** Rows beyond the visible ones that one drawing adds. */
export const MOST_ADDED = 12

/** Rows from `first` to `last`, both among them. */
export interface Span {
  readonly first: number
  readonly last: number
}

type Extractor = (range: Range) => number[]

/**
 * Which rows a list draws: all that are visible at once, and those around them, `overscan` at each end, a few at a time,
 * so that a leap to another place is no long task.
 */
export function useDrawnRange(): Extractor {
  const drawn = useRef<Span>({ first: 0, last: -1 })
  const frame = useRef(0)
  // A new function makes the virtualizer ask again.
  const make = (): Extractor => (range) => {
    const { first, last, isWhole } = nextSpan(drawn.current, range)
    drawn.current = { first, last }
    cancelAnimationFrame(frame.current)
    if (!isWhole) frame.current = requestAnimationFrame(() => setExtract(make))
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  }
  const [extract, setExtract] = useState(make)
  useEffect(() => () => cancelAnimationFrame(frame.current), [])
  return extract
}

/** What to draw next: the visible rows, those around them that are drawn already, and a few more. */
export function nextSpan(drawn: Span, range: Range): Span & { readonly isWhole: boolean } {
  const { startIndex, endIndex, overscan, count } = range
  const wanted = { first: Math.max(0, startIndex - overscan), last: Math.min(count - 1, endIndex + overscan) }
  const isElsewhere = drawn.last < startIndex - 1 || drawn.first > endIndex + 1
  const first = isElsewhere ? startIndex : Math.min(startIndex, Math.max(drawn.first, wanted.first))
  const last = isElsewhere ? endIndex : Math.max(endIndex, Math.min(drawn.last, wanted.last))
  const half = Math.min(wanted.last - last, MOST_ADDED / 2)
  const before = Math.min(first - wanted.first, MOST_ADDED - half)
  const after = Math.min(wanted.last - last, MOST_ADDED - before)
  const next = { first: first - before, last: last + after }
  return { ...next, isWhole: next.first === wanted.first && next.last === wanted.last }
}
