import { useVirtualizer } from '@tanstack/react-virtual'
import { EllipsisVertical } from 'lucide-react'
import { memo, type RefObject, useEffect, useId, useMemo, useRef, useState } from 'react'
import type { Rows } from '../bridge/rows.ts'
import { formatBytes } from '../format.ts'
import { TEXT } from '../strings.ts'
import { type FileListProps, handleListKey } from './file-list.ts'
import { ItemName } from './item-name.tsx'
import { ListMenu, openMenuAt } from './list-menu.tsx'
import { Thumbnail } from './thumbnail.tsx'
import { useLatest } from './use-latest.ts'
import { useListItem } from './use-list-item.ts'

const CARD_WIDTH = 176
const CARD_HEIGHT = 196
const OVERSCAN = 6

/** Entries as cards in rows, of which only the visible ones are drawn. */
export function FileGrid(props: FileListProps) {
  const { rows, selection } = props
  const latest = useLatest(props)
  const scroller = useRef<HTMLDivElement>(null)
  const gridId = useId()
  const columns = useColumns(scroller)
  const virtual = useVirtualizer({
    count: Math.ceil(rows.count / columns),
    getScrollElement: () => scroller.current,
    estimateSize: () => CARD_HEIGHT,
    overscan: OVERSCAN,
  })
  const { active } = selection
  useEffect(() => {
    if (active >= 0) virtual.scrollToIndex(Math.floor(active / columns), { align: 'auto' })
  }, [active, columns, virtual])
  const cardId = (index: number): string => `${gridId}-${index}`
  return (
    <ListMenu
      acts={props.acts}
      placeActs={props.placeActs}
      onItem={(index) => !selection.has(rows.idAt(index)) && selection.only(index)}
      onPlace={selection.clear}
    >
      <div
        ref={scroller}
        className="table-body card-grid"
        role="grid"
        tabIndex={0}
        aria-label={TEXT.files.list}
        aria-multiselectable="true"
        aria-rowcount={Math.ceil(rows.count / columns)}
        aria-colcount={columns}
        aria-activedescendant={active >= 0 ? cardId(active) : undefined}
        onKeyDown={(event) => handleListKey(event, props, cardId, columns)}
        onClick={(event) => {
          if (!(event.target as Element).matches('[data-item], [data-item] *')) selection.clear()
        }}
        onFocus={(event) => {
          if (event.target === event.currentTarget && active < 0 && rows.count > 0) selection.moveTo(0)
        }}
      >
        <div className="table-space" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((line) => (
            <div
              key={line.index}
              role="row"
              aria-rowindex={line.index + 1}
              className="card-line"
              style={{ transform: `translateY(${line.start}px)`, gridTemplateColumns: `repeat(${columns}, 1fr)` }}
            >
              {indexesOf(line.index, columns, rows.count).map((index) => {
                const id = rows.idAt(index)
                return (
                  <Card
                    key={id}
                    rows={rows}
                    index={index}
                    column={(index % columns) + 1}
                    domId={cardId(index)}
                    isActive={index === active}
                    isSelected={selection.has(id)}
                    isFavourite={props.favourites.has(id)}
                    isRenaming={props.renaming === id}
                    highlight={props.highlight}
                    latest={latest}
                  />
                )
              })}
            </div>
          ))}
        </div>
      </div>
    </ListMenu>
  )
}

function indexesOf(line: number, columns: number, count: number): number[] {
  const first = line * columns
  return Array.from({ length: Math.min(columns, count - first) }, (_, column) => first + column)
}

/** How many cards fit side by side. */
function useColumns(scroller: React.RefObject<HTMLDivElement | null>): number {
  const [columns, setColumns] = useState(4)
  useEffect(() => {
    const element = scroller.current
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => {
      setColumns(Math.max(2, Math.floor((entry?.contentRect.width ?? 0) / CARD_WIDTH)))
    })
    observer.observe(element)
    return () => observer.disconnect()
  }, [scroller])
  return columns
}

interface CardProps {
  readonly rows: Rows
  readonly index: number
  readonly column: number
  readonly domId: string
  readonly isActive: boolean
  readonly isSelected: boolean
  readonly isFavourite: boolean
  readonly isRenaming: boolean
  readonly highlight: string
  readonly latest: RefObject<FileListProps>
}

const Card = memo(function Card(props: CardProps) {
  const { rows, index, column, domId, isActive, isSelected, isFavourite, isRenaming, highlight, latest } = props
  const row = useMemo(() => rows.at(index), [rows, index])
  const { isTarget, handlers } = useListItem(row, isSelected, isRenaming, latest)
  return (
    <div
      {...handlers}
      id={domId}
      role="gridcell"
      aria-colindex={column}
      aria-selected={isSelected}
      title={isRenaming ? undefined : row.name}
      className={`card-item ${isSelected ? 'row-selected' : ''} ${isActive ? 'row-active' : ''} ${isTarget ? 'row-target' : ''}`}
    >
      <div className="card-picture">
        <Thumbnail row={row} size={56} />
      </div>
      <div className="card-foot">
        <div className="card-text">
          <span className="card-name">
            <ItemName
              row={row}
              highlight={highlight}
              isFavourite={isFavourite}
              isRenaming={isRenaming}
              onOpen={() => latest.current.onOpen(row)}
              onRename={(name) => latest.current.onRename(row, name)}
              onRenamed={() => {
                latest.current.onRenamed()
                document.getElementById(domId)?.closest<HTMLElement>('[role="grid"]')?.focus({ preventScroll: true })
              }}
            />
          </span>
          <span className="card-meta">{row.kind === 'file' ? formatBytes(row.size) : TEXT.files.folder}</span>
        </div>
        <button
          type="button"
          tabIndex={-1}
          className="icon-button more-button"
          aria-label={TEXT.files.more}
          aria-haspopup="menu"
          onClick={(event) => {
            event.stopPropagation()
            openMenuAt(event.currentTarget)
          }}
        >
          <EllipsisVertical size={18} />
        </button>
      </div>
      <input
        type="checkbox"
        className="card-check"
        tabIndex={-1}
        aria-label={TEXT.files.select(row.name)}
        checked={isSelected}
        onClick={(event) => event.stopPropagation()}
        onDoubleClick={(event) => event.stopPropagation()}
        onChange={() => latest.current.selection.toggle(index)}
      />
    </div>
  )
})
