import type { KeyboardEvent, ReactNode } from 'react'
import type { Row, Rows } from '../bridge/rows.ts'
import type { Selection } from '../state/selection.ts'
import type { Sort } from '../worker/vault-api.ts'

export interface FileListProps {
  readonly rows: Rows
  readonly selection: Selection
  /** null where the order is given. */
  readonly sort: { readonly value: Sort; readonly set: (sort: Sort) => void } | null
  /** Shows where each row lies. */
  readonly withLocation?: boolean
  readonly timeLabel?: string
  readonly onOpen: (row: Row) => void
  readonly onRename?: ((row: Row) => void) | undefined
  readonly onDelete?: (() => void) | undefined
  readonly onUp?: (() => void) | undefined
  /** Items of the menu for what is selected. */
  readonly menu: () => ReactNode
  /** What is dropped onto a folder. */
  readonly onMoveInto?: ((folder: Row) => void) | undefined
}

/** Type of what is dragged within the app. */
export const DRAG_TYPE = 'application/x-strongroom-items'
const PAGE_ROWS = 12

/** What the keyboard does in a list whose rows hold `columns` items each. */
export function handleListKey(event: KeyboardEvent, props: FileListProps, columns = 1): void {
  if (event.target !== event.currentTarget) return
  const { rows, selection } = props
  const step = stepOf(event.key, columns)
  if (step !== null && rows.count > 0) {
    event.preventDefault()
    const next = Math.max(
      0,
      Math.min(rows.count - 1, step === 'first' ? 0 : step === 'last' ? rows.count - 1 : selection.active + step),
    )
    if (event.shiftKey) selection.extendTo(next)
    else selection.only(next)
    return
  }
  const act = keyAction(event, props)
  if (act === null) return
  event.preventDefault()
  act()
}

function stepOf(key: string, columns: number): number | 'first' | 'last' | null {
  const steps: Readonly<Record<string, number | 'first' | 'last'>> = {
    ArrowDown: columns,
    ArrowUp: -columns,
    ...(columns > 1 ? { ArrowRight: 1, ArrowLeft: -1 } : {}),
    PageDown: PAGE_ROWS * columns,
    PageUp: -PAGE_ROWS * columns,
    Home: 'first',
    End: 'last',
  }
  return steps[key] ?? null
}

function keyAction(event: KeyboardEvent, props: FileListProps): (() => void) | null {
  const { rows, selection, onOpen, onRename, onDelete, onUp } = props
  const active = selection.active >= 0 ? rows.at(selection.active) : null
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'a') return selection.all
  if (event.ctrlKey || event.metaKey || event.altKey) return null
  switch (event.key) {
    case ' ':
      return active === null ? null : () => selection.toggle(active.index)
    case 'Enter':
      return active === null ? null : () => onOpen(active)
    case 'F2':
      return active === null || onRename === undefined ? null : () => onRename(active)
    case 'Delete':
      return onDelete === undefined || selection.ids.size === 0 ? null : onDelete
    case 'Backspace':
      return onUp ?? null
    case 'Escape':
      return selection.clear
    default:
      return null
  }
}
