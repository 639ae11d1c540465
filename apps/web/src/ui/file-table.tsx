import * as ContextMenu from '@radix-ui/react-context-menu'
import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef } from 'react'
import { parentOf, type Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, formatTime } from '../format.ts'
import { TEXT } from '../strings.ts'
import type { SortKey } from '../worker/vault-api.ts'
import { FileIcon } from './file-icon.tsx'
import { type FileListProps, handleListKey } from './file-list.ts'
import { menuPlace } from './item-menu.tsx'
import { useListItem } from './use-list-item.ts'

const ROW_HEIGHT = 48
/** Rows drawn beyond the visible ones, so that fast scrolling shows none blank. */
const OVERSCAN = 24

/** A list of entries that draws only what is visible, however long it is. */
export function FileTable(props: FileListProps) {
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
            onKeyDown={(event) => handleListKey(event, props)}
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
        <ContextMenu.Portal container={menuPlace()}>
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

function TableHead({ rows, selection, sort, withLocation, timeLabel }: FileListProps) {
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
  readonly sort: FileListProps['sort']
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

interface RowProps extends FileListProps {
  readonly row: Row
  readonly domId: string
  readonly top: number
  readonly isActive: boolean
}

function TableRow({ row, domId, top, isActive, ...props }: RowProps) {
  const { selection, withLocation, onOpen } = props
  const { isSelected, isTarget, handlers } = useListItem(row, props)
  return (
    <div
      {...handlers}
      id={domId}
      role="row"
      aria-rowindex={row.index + 1}
      aria-selected={isSelected}
      className={`row ${isSelected ? 'row-selected' : ''} ${isActive ? 'row-active' : ''} ${isTarget ? 'row-target' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
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
