import { useVirtualizer } from '@tanstack/react-virtual'
import { memo, useEffect, useId, useMemo, useRef, useState } from 'react'
import { formatBytes, shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import { type FileListProps, handleListKey } from './file-list.ts'
import { ItemCheckbox, ListItemName, type ListItemProps, MoreButton, stateClasses } from './list-item.tsx'
import { ListMenu } from './list-menu.tsx'
import { RubberBand } from './rubber-band.tsx'
import { Thumbnail } from './thumbnail.tsx'
import { useFollowing } from './use-following.ts'
import { useLatest } from './use-latest.ts'
import { useListItem } from './use-list-item.ts'
import { type Band, useRubberBand } from './use-rubber-band.ts'

const CARD_WIDTH = 176
const CARD_HEIGHT = 196
/** Around each card, as the style sheet has it. */
const CARD_MARGIN = { x: 8, y: 6 } as const
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
  useFollowing(rows, active, (index) => virtual.scrollToIndex(Math.floor(index / columns), { align: 'auto' }))
  const cardId = (index: number): string => `${gridId}-${index}`
  const { band, handlers, wasPulled } = useRubberBand(scroller, selection, (area) =>
    cardsIn(area, { columns, width: scroller.current?.clientWidth ?? 0, count: rows.count }),
  )
  return (
    <ListMenu
      acts={props.acts}
      placeActs={props.placeActs}
      onItem={(index) => !selection.has(rows.idAt(index)) && selection.only(index)}
      onPlace={selection.clear}
    >
      <div
        {...handlers}
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
          if (!(event.target as Element).matches('[data-item], [data-item] *') && !wasPulled()) selection.clear()
        }}
        onFocus={(event) => {
          if (event.target === event.currentTarget && active < 0 && rows.count > 0) selection.moveTo(0)
        }}
      >
        <div className="table-space" role="presentation" style={{ height: virtual.getTotalSize() }}>
          <RubberBand band={band} />
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

/** Places of the cards that an area touches. */
function cardsIn(area: Band, grid: { columns: number; width: number; count: number }): number[] {
  const cell = grid.width / grid.columns
  const found: number[] = []
  const firstLine = Math.floor((area.top + CARD_MARGIN.y) / CARD_HEIGHT)
  const lastLine = Math.floor((area.top + area.height - CARD_MARGIN.y) / CARD_HEIGHT)
  const firstColumn = Math.floor((area.left + CARD_MARGIN.x) / cell)
  const lastColumn = Math.min(grid.columns - 1, Math.floor((area.left + area.width - CARD_MARGIN.x) / cell))
  for (let line = firstLine; line <= lastLine; line += 1) {
    for (let column = firstColumn; column <= lastColumn; column += 1) {
      const index = line * grid.columns + column
      if (index < grid.count) found.push(index)
    }
  }
  return found
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

interface CardProps extends ListItemProps {
  readonly column: number
}

const Card = memo(function Card(props: CardProps) {
  const { rows, index, column, domId, isSelected, isRenaming, latest } = props
  const row = useMemo(() => rows.at(index), [rows, index])
  const { isTarget, handlers } = useListItem(row, isSelected, isRenaming, latest)
  return (
    <div
      {...handlers}
      id={domId}
      role="gridcell"
      aria-colindex={column}
      aria-selected={isSelected}
      title={isRenaming ? undefined : shownName(row.name)}
      className={`card-item ${stateClasses(props, isTarget)}`}
    >
      <div className="card-picture">
        <Thumbnail row={row} size={56} />
      </div>
      <div className="card-foot">
        <div className="card-text">
          <span className="card-name">
            <ListItemName item={props} row={row} />
          </span>
          <span className="card-meta">{row.kind === 'file' ? formatBytes(row.size) : TEXT.files.folder}</span>
        </div>
        <MoreButton />
      </div>
      <ItemCheckbox item={props} row={row} className="card-check" />
    </div>
  )
})
