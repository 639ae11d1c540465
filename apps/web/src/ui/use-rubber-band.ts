import { type PointerEvent, type RefObject, useRef, useState } from 'react'
import type { Selection } from '../state/selection.ts'
import { ITEM_ATTRIBUTE } from './list-menu.tsx'

/** Pixels that a pointer may tremble in a click. */
const TREMBLE = 5
/** How near to the edge the list begins to scroll, and how far at once. */
const EDGE = 36
const SCROLL_STEP = 18

/** A rectangle in the list, in pixels from its beginning. */
export interface Band {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

interface Pulling {
  /** Where it began, in the list. */
  readonly x: number
  readonly y: number
  /** What was selected before, where that stays. */
  readonly kept: ReadonlySet<string>
  /** Where the pointer is, in the window. */
  at: { x: number; y: number }
  band: boolean
  timer: ReturnType<typeof setInterval> | undefined
}

/**
 * Selects what a rectangle touches that is drawn with the mouse from where there is no item.
 *
 * @param itemsIn - places of the items that a rectangle touches, also of those that are not drawn
 */
export function useRubberBand(
  scroller: RefObject<HTMLElement | null>,
  selection: Selection,
  itemsIn: (band: Band) => number[],
): {
  readonly band: Band | null
  readonly handlers: {
    onPointerDown(event: PointerEvent): void
    onPointerMove(event: PointerEvent): void
    onPointerUp(): void
    onPointerCancel(): void
  }
  /** Whether the click that is being handled ended a rectangle. */
  readonly wasPulled: () => boolean
} {
  const [band, setBand] = useState<Band | null>(null)
  const pulling = useRef<Pulling | null>(null)
  const pulled = useRef(false)
  const latest = useRef({ selection, itemsIn })
  latest.current = { selection, itemsIn }

  const placeOf = (list: HTMLElement, at: { x: number; y: number }): { x: number; y: number } => {
    const { left, top } = list.getBoundingClientRect()
    return { x: at.x - left + list.scrollLeft, y: at.y - top + list.scrollTop }
  }
  const update = (): void => {
    const list = scroller.current
    const now = pulling.current
    if (list === null || now === null) return
    const at = placeOf(list, now.at)
    const x = Math.max(0, Math.min(list.clientWidth, at.x))
    const y = Math.max(0, Math.min(list.scrollHeight, at.y))
    const next = {
      left: Math.min(now.x, x),
      top: Math.min(now.y, y),
      width: Math.abs(now.x - x),
      height: Math.abs(now.y - y),
    }
    setBand(next)
    latest.current.selection.these(latest.current.itemsIn(next), now.kept)
  }
  const scrollAtEdge = (): void => {
    const list = scroller.current
    const now = pulling.current
    if (list === null || now === null) return
    const { top, bottom } = list.getBoundingClientRect()
    const by = now.at.y > bottom - EDGE ? SCROLL_STEP : now.at.y < top + EDGE ? -SCROLL_STEP : 0
    if (by === 0) return
    list.scrollTop += by
    update()
  }
  const end = (): void => {
    const now = pulling.current
    pulling.current = null
    clearInterval(now?.timer)
    setBand(null)
    if (now?.band !== true) return
    pulled.current = true
    // The click follows at once, where there is one.
    setTimeout(() => {
      pulled.current = false
    }, 0)
    scroller.current?.focus({ preventScroll: true })
  }
  return {
    band,
    wasPulled: () => pulled.current,
    handlers: {
      onPointerDown(event) {
        const list = scroller.current
        const isItem = (event.target as Element).closest(`[${ITEM_ATTRIBUTE}], [role="menu"]`) !== null
        if (list === null || isItem || event.button !== 0 || event.pointerType !== 'mouse') return
        // The scroll bar is not a place of the list.
        if (event.nativeEvent.offsetX > list.clientWidth && event.target === list) return
        const at = { x: event.clientX, y: event.clientY }
        const { ids } = latest.current.selection
        const kept = event.ctrlKey || event.metaKey || event.shiftKey ? new Set(ids) : new Set<string>()
        pulling.current = { ...placeOf(list, at), kept, at, band: false, timer: undefined }
      },
      onPointerMove(event) {
        const list = scroller.current
        const now = pulling.current
        if (list === null || now === null) return
        if (event.buttons === 0) return end()
        now.at = { x: event.clientX, y: event.clientY }
        if (!now.band) {
          const { x, y } = placeOf(list, now.at)
          if (Math.hypot(x - now.x, y - now.y) < TREMBLE) return
          now.band = true
          list.setPointerCapture(event.pointerId)
          now.timer = setInterval(scrollAtEdge, 30)
        }
        update()
      },
      onPointerUp: end,
      onPointerCancel: end,
    },
  }
}
