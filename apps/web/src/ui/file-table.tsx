import * as ContextMenu from '@radix-ui/react-context-menu'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { parentOf, type Row, type Rows } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, formatTime } from '../format.ts'
import type { Selection } from '../state/selection.ts'
import { TEXT } from '../strings.ts'
import type { Sort, SortKey } from '../worker/vault-api.ts'
import { FileIcon } from './file-icon.tsx'

export interface FileTableProps {
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

const ROW_HEIGHT = 48
const PAGE_ROWS = 12
/** Rows drawn beyond the visible ones, so that fast scrolling shows none blank. */
const OVERSCAN = 24
export const DRAG_TYPE = 'application/x-strongroom-items'

/** A list of entries that draws only what is visible, however long it is. */
export function FileTable(props: FileTableProps) {
  const { rows, selection } = props
  const scroller = useRef<HTMLDivElement>(null)
  const tableId = useId()
  const virtual = useVirtualizer({
    count: rows.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    getItemKey: (index) => rows.idAt(index),
  })
  const { active } = selection
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(active, { align: 'auto' })
  }, [active, virtual])
  const rowId = (index: number): string => `${tableId}-${index}`
  return (
    <div className={`table ${props.withLocation ? 'table-located' : ''}`}>
      <TableHead {...props} />
      <ContextMenu.Root modal={false}>
        <ContextMenu.Trigger asChild>
          <div
            ref={scroller}
            className="table-body"
            role="grid"
            tabIndex={0}
            aria-label={TEXT.files.list}
            aria-multiselectable="true"
            aria-rowcount={rows.count}
            aria-activedescendant={active >= 0 ? rowId(active) : undefined}
            onKeyDown={(event) => handleKey(event, props)}
            onFocus={() => {
              if (active < 0 && rows.count > 0) selection.moveTo(0)
            }}
          >
            {/* The scroller's inner height is set by script: a style attribute would break the content policy. */}
            <Spacer height={virtual.getTotalSize()}>
              {virtual.getVirtualItems().map((item) => (
                <TableRow
                  key={item.key}
                  {...props}
                  row={rows.at(item.index)}
                  domId={rowId(item.index)}
                  top={item.start}
                  isActive={item.index === active}
                />
              ))}
            </Spacer>
          </div>
        </ContextMenu.Trigger>
        <ContextMenu.Portal>
          <ContextMenu.Content className="menu" collisionPadding={8}>
            {props.menu()}
          </ContextMenu.Content>
        </ContextMenu.Portal>
      </ContextMenu.Root>
    </div>
  )
}

function Spacer({ height, children }: { height: number; children: ReactNode }) {
  return (
    <div className="table-space" role="presentation" style={{ height }}>
      {children}
    </div>
  )
}

function TableHead({ rows, selection, sort, withLocation, timeLabel }: FileTableProps) {
  const every = rows.count > 0 && selection.ids.size >= rows.count
  return (
    <div className="table-head">
      <span className="cell-check">
        <input
          type="checkbox"
          aria-label={TEXT.files.selectAll}
          checked={every}
          ref={(box) => {
            if (box !== null) box.indeterminate = !every && selection.ids.size > 0
          }}
          onChange={() => (every ? selection.clear() : selection.all())}
        />
      </span>
      <HeadCell by="name" label={TEXT.files.name} sort={sort} className="cell-name" />
      {withLocation && <span className="cell-location">{TEXT.files.location}</span>}
      <HeadCell by="time" label={timeLabel ?? TEXT.files.modified} sort={sort} className="cell-time" />
      <HeadCell by="size" label={TEXT.files.size} sort={sort} className="cell-size" />
    </div>
  )
}

interface HeadCellProps {
  readonly by: SortKey
  readonly label: string
  readonly sort: FileTableProps['sort']
  readonly className: string
}

function HeadCell({ by, label, sort, className }: HeadCellProps) {
  if (sort === null) return <span className={className}>{label}</span>
  const { value, set } = sort
  const isCurrent = value.by === by
  const Arrow = value.descending ? ArrowDown : ArrowUp
  return (
    <span className={className}>
      <button
        type="button"
        className="head-button"
        aria-pressed={isCurrent}
        onClick={() => set({ by, descending: isCurrent ? !value.descending : by !== 'name' })}
      >
        {label}
        {isCurrent && <Arrow size={14} aria-hidden="true" />}
      </button>
    </span>
  )
}

interface RowProps extends FileTableProps {
  readonly row: Row
  readonly domId: string
  readonly top: number
  readonly isActive: boolean
}

function TableRow({ row, domId, top, isActive, selection, withLocation, onOpen, onMoveInto }: RowProps) {
  const isSelected = selection.has(row.id)
  const [isTarget, setTarget] = useState(false)
  const accepts = row.kind === 'folder' && onMoveInto !== undefined
  const choose = (event: MouseEvent): void => {
    if (event.shiftKey) selection.extendTo(row.index)
    else if (event.ctrlKey || event.metaKey) selection.toggle(row.index)
    else selection.only(row.index)
  }
  return (
    <div
      id={domId}
      role="row"
      aria-rowindex={row.index + 1}
      aria-selected={isSelected}
      className={`row ${isSelected ? 'row-selected' : ''} ${isActive ? 'row-active' : ''} ${isTarget ? 'row-target' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      draggable={onMoveInto !== undefined}
      onClick={choose}
      onDoubleClick={() => onOpen(row)}
      onContextMenu={() => {
        if (!isSelected) selection.only(row.index)
      }}
      onDragStart={(event) => {
        if (!isSelected) selection.only(row.index)
        event.dataTransfer.setData(DRAG_TYPE, '')
        event.dataTransfer.effectAllowed = 'move'
      }}
      onDragOver={(event) => {
        if (!accepts || !event.dataTransfer.types.includes(DRAG_TYPE) || isSelected) return
        event.preventDefault()
        setTarget(true)
      }}
      onDragLeave={() => setTarget(false)}
      onDrop={(event) => {
        setTarget(false)
        if (!accepts || !event.dataTransfer.types.includes(DRAG_TYPE) || isSelected) return
        event.preventDefault()
        onMoveInto(row)
      }}
    >
      <span className="cell-check" role="gridcell">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={TEXT.files.select(row.name)}
          checked={isSelected}
          onClick={(event) => event.stopPropagation()}
          onDoubleClick={(event) => event.stopPropagation()}
          onChange={() => selection.toggle(row.index)}
        />
      </span>
      <NameCell row={row} onOpen={onOpen} />
      {withLocation && (
        <Cell className="cell-location" title={parentOf(row.path)}>
          {parentOf(row.path) === '/' ? TEXT.files.root : parentOf(row.path).slice(1)}
        </Cell>
      )}
      <Cell className="cell-time" title={row.timeMs === 0 ? '' : formatFullTime(row.timeMs)}>
        {row.timeMs === 0 ? '' : formatTime(row.timeMs)}
      </Cell>
      <Cell className="cell-size">{row.kind === 'file' ? formatBytes(row.size) : ''}</Cell>
    </div>
  )
}

function Cell({ className, title, children }: { className: string; title?: string; children: ReactNode }) {
  return (
    <span className={className} role="gridcell" title={title}>
      {children}
    </span>
  )
}

function NameCell({ row, onOpen }: { row: Row; onOpen: (row: Row) => void }) {
  return (
    <Cell className="cell-name" title={row.name}>
      <FileIcon row={row} />
      <button
        type="button"
        tabIndex={-1}
        className="name"
        onClick={(event) => {
          if (event.shiftKey || event.ctrlKey || event.metaKey) return
          event.stopPropagation()
          onOpen(row)
        }}
      >
        {/* First-strong isolation: a name's direction marks turn nothing but the name itself. */}
        <bdi>{row.name}</bdi>
      </button>
      <span className="row-meta">
        {row.kind === 'file' ? `${formatTime(row.timeMs)} · ${formatBytes(row.size)}` : ''}
      </span>
    </Cell>
  )
}

function handleKey(event: KeyboardEvent, props: FileTableProps): void {
  if (event.target !== event.currentTarget) return
  const { rows, selection } = props
  const step = stepOf(event.key)
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

function stepOf(key: string): number | 'first' | 'last' | null {
  const steps: Readonly<Record<string, number | 'first' | 'last'>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: PAGE_ROWS,
    PageUp: -PAGE_ROWS,
    Home: 'first',
    End: 'last',
  }
  return steps[key] ?? null
}

function keyAction(event: KeyboardEvent, props: FileTableProps): (() => void) | null {
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
