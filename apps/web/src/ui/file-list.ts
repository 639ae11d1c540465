import type { KeyboardEvent } from 'react'
import type { Row, Rows } from '../bridge/rows.ts'
import type { Selection } from '../state/selection.ts'
import type { Sort } from '../worker/vault-api.ts'
import type { Act } from './item-menu.tsx'
import { openMenuAt } from './list-menu.tsx'
import { endsPair, isTyping, typeAhead } from './type-ahead.ts'

export interface FileListProps {
  readonly rows: Rows
  readonly selection: Selection
  readonly sort: { readonly value: Sort; readonly set: (sort: Sort) => void }
  /** Shows where each row lies. */
  readonly withLocation: boolean
  readonly timeLabel: string
  /** Text whose matches in names are marked. */
  readonly highlight: string
  readonly favourites: ReadonlySet<string>
  readonly acts: readonly Act[]
  /** For the menu where there is no entry. */
  readonly placeActs: readonly Act[]
  readonly renaming: string | null
  readonly onOpen: (row: Row) => void
  /** Goes to the folder that a row lies in. */
  readonly onShowLocation: (row: Row) => void
  readonly keys: ListKeys
  readonly onRename: (row: Row, name: string) => Promise<void>
  readonly onRenamed: () => void
  /** Begins a drag; undefined where nothing can be dragged. */
  readonly onDrag: (() => void) | undefined
  /** What is dropped onto a folder. */
  readonly onMoveInto: ((folder: Row, copy: boolean) => void) | undefined
  /** Opens a folder in another tab; undefined where nothing opens. */
  readonly onOpenApart: ((row: Row) => void) | undefined
}

/** What keys do beside moving and selecting; undefined where there is nothing to do. */
export interface ListKeys {
  readonly rename?: ((row: Row) => void) | undefined
  readonly remove?: (() => void) | undefined
  readonly up?: (() => void) | undefined
  readonly mark?: (() => void) | undefined
  readonly cut?: (() => void) | undefined
  readonly copy?: (() => void) | undefined
}

const PAGE_ROWS = 12

/**
 * What the keyboard does in a list whose rows hold `columns` items each.
 *
 * @param domId - id of the element of a row
 */
export function handleListKey(
  event: KeyboardEvent,
  props: FileListProps,
  domId: (index: number) => string,
  columns = 1,
): void {
  if (event.target !== event.currentTarget) return
  const nowMs = Date.now()
  if (endsPair(event.key, nowMs)) return
  const { rows, selection } = props
  const step = stepOf(event.key, columns)
  if (step !== null && rows.count > 0) {
    event.preventDefault()
    const next = Math.max(
      0,
      Math.min(rows.count - 1, step === 'first' ? 0 : step === 'last' ? rows.count - 1 : selection.active + step),
    )
    if (event.shiftKey) selection.extendTo(next)
    else if (event.ctrlKey || event.metaKey) selection.moveTo(next)
    else selection.only(next)
    return
  }
  if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
    const element = document.getElementById(domId(selection.active))
    if (element === null) return
    event.preventDefault()
    openMenuAt(element)
    return
  }
  // Reason: letters of a name that is being typed are no shortcuts.
  const act =
    (isTyping(nowMs) && event.key.length === 1 ? null : keyAction(event, props)) ?? typing(event, props, nowMs)
  if (act === null) return
  event.preventDefault()
  event.stopPropagation()
  act()
}

/** Goes to a name; null where the key does not belong to one. */
function typing(event: KeyboardEvent, { rows, selection }: FileListProps, nowMs: number): (() => void) | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null
  const found = typeAhead(event.key, rows, selection.active, nowMs)
  if (found === null) return isTyping(nowMs) ? () => undefined : null
  return () => selection.only(found)
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

function keyAction(event: KeyboardEvent, { rows, selection, onOpen, keys }: FileListProps): (() => void) | null {
  const active = selection.active >= 0 && selection.active < rows.count ? rows.at(selection.active) : null
  const { rename } = keys
  const withSome = (act: (() => void) | undefined): (() => void) | null =>
    selection.ids.size > 0 && act !== undefined ? act : null
  const toggle = active === null ? null : (): void => selection.toggle(active.index)
  const acts: Readonly<Record<string, (() => void) | null>> = {
    'ctrl+a': selection.all,
    'ctrl+ ': toggle,
    'ctrl+x': withSome(keys.cut),
    'ctrl+c': withSome(keys.copy),
    ' ': toggle,
    enter: active === null ? null : () => onOpen(active),
    f2: active === null || rename === undefined ? null : () => rename(active),
    delete: withSome(keys.remove),
    s: event.shiftKey ? null : withSome(keys.mark),
    backspace: keys.up ?? null,
    escape: selection.clear,
  }
  if (event.altKey) return null
  const held = event.ctrlKey || event.metaKey ? 'ctrl+' : ''
  return acts[`${held}${event.key.toLowerCase()}`] ?? null
}
