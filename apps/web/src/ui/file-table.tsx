import { useVirtualizer } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { memo, type ReactNode, type RefObject, useEffect, useId, useMemo, useRef } from 'react'
import { nameOf, parentOf, type Row } from '../bridge/rows.ts'
import { formatBytes, formatFullTime, formatTime, shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import type { SortKey } from '../worker/vault-api.ts'
import { useDrawnRange } from './drawn-range.ts'
import { type FileListProps, handleListKey } from './file-list.ts'
import { ItemCheckbox, ListItemName, type ListItemProps, MoreButton, stateClasses } from './list-item.tsx'
import { ListMenu } from './list-menu.tsx'
import { RubberBand } from './rubber-band.tsx'
import { Thumbnail } from './thumbnail.tsx'
import { useFollowing } from './use-following.ts'
import { useLatest } from './use-latest.ts'
import { useListItem } from './use-list-item.ts'
import { useNarrow } from './use-narrow.ts'
import { type Band, useRubberBand } from './use-rubber-band.ts'

/** As the style sheet has it. */
const ROW_HEIGHT = { wide: 48, narrow: 56 } as const
// Reason for the virtualizer's own keys: with others it would measure every row of the list at each drawing.
/** Rows drawn beyond the visible ones, so that fast scrolling shows none blank. */
const OVERSCAN = 24

/** A list of entries that draws only what is visible, however long it is. */
export function FileTable(props: FileListProps) {
  const { rows, selection } = props
  const latest = useLatest(props)
  const scroller = useRef<HTMLDivElement>(null)
  const tableId = useId()
  const rowHeight = useNarrow() ? ROW_HEIGHT.narrow : ROW_HEIGHT.wide
  const virtual = useVirtualizer({
    count: rows.count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    rangeExtractor: useDrawnRange(),
  })
  useEffect(() => {
    if (rowHeight > 0) virtual.measure()
  }, [virtual, rowHeight])
  const { active } = selection
  useFollowing(rows, active, (index) => virtual.scrollToIndex(index, { align: 'auto' }))
  const rowId = (index: number): string => `${tableId}-${index}`
  const { band, handlers, wasPulled } = useRubberBand(scroller, selection, (area) =>
    rowsIn(area, rowHeight, rows.count),
  )
  return (
    <div className={`table ${props.withLocation ? 'table-located' : ''}`}>
      <TableHead {...props} />
      <ListMenu
        acts={props.acts}
        placeActs={props.placeActs}
        onItem={(index) => !selection.has(rows.idAt(index)) && selection.only(index)}
        onPlace={selection.clear}
      >
        <div
          {...handlers}
          ref={scroller}
          className="table-body"
          role="grid"
          tabIndex={0}
          aria-label={TEXT.files.list}
          aria-multiselectable="true"
          aria-rowcount={rows.count}
          aria-activedescendant={active >= 0 ? rowId(active) : undefined}
          onKeyDown={(event) => handleListKey(event, props, rowId)}
          onClick={(event) => {
            if (event.target === event.currentTarget && !wasPulled()) selection.clear()
          }}
          onFocus={(event) => {
            if (event.target === event.currentTarget && active < 0 && rows.count > 0) selection.moveTo(0)
          }}
        >
          {/* The scroller's inner height is set by script: a style attribute would break the content policy. */}
          <div className="table-space" role="presentation" style={{ height: virtual.getTotalSize() }}>
            <RubberBand band={band} />
            {virtual.getVirtualItems().map((item) => {
              const id = rows.idAt(item.index)
              return (
                <TableRow
                  key={id}
                  rows={rows}
                  index={item.index}
                  domId={rowId(item.index)}
                  top={item.start}
                  isActive={item.index === active}
                  isSelected={selection.has(id)}
                  isFavourite={props.favourites.has(id)}
                  isRenaming={props.renaming === id}
                  highlight={props.highlight}
                  withLocation={props.withLocation}
                  latest={latest}
                />
              )
            })}
          </div>
        </div>
      </ListMenu>
    </div>
  )
}

/** Places of the rows that an area touches. */
function rowsIn({ top, height }: Band, rowHeight: number, count: number): number[] {
  const first = Math.floor(top / rowHeight)
  const last = Math.min(count - 1, Math.floor((top + height) / rowHeight))
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
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
      <HeadCell by="time" label={timeLabel} sort={sort} className="cell-time" />
      <HeadCell by="size" label={TEXT.files.size} sort={sort} className="cell-size" />
      <span className="cell-more" />
    </div>
  )
}

interface HeadCellProps {
  readonly by: SortKey
  readonly label: string
  readonly sort: FileListProps['sort']
  readonly className: string
}

function HeadCell({ by, label, sort: { value, set }, className }: HeadCellProps) {
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

interface RowProps extends ListItemProps {
  readonly top: number
  readonly withLocation: boolean
}

/** Drawn anew only when something of itself has changed: scrolling moves the others without a word. */
const TableRow = memo(function TableRow(props: RowProps) {
  const { rows, index, domId, top, isSelected, isRenaming, withLocation, latest } = props
  const row = useMemo(() => rows.at(index), [rows, index])
  const { isTarget, handlers } = useListItem(row, isSelected, isRenaming, latest)
  return (
    <div
      {...handlers}
      id={domId}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={isSelected}
      className={`row ${stateClasses(props, isTarget)}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span className="cell-check" role="gridcell">
        <ItemCheckbox item={props} row={row} />
      </span>
      <Cell className="cell-name" title={isRenaming ? undefined : shownName(row.name)}>
        <Thumbnail row={row} />
        <ListItemName item={props} row={row} />
        <span className="row-meta">{metaOf(row, withLocation)}</span>
      </Cell>
      {withLocation && <Location row={row} latest={latest} />}
      <Cell className="cell-time" title={row.timeMs === 0 ? '' : formatFullTime(row.timeMs)}>
        {row.timeMs === 0 ? '' : formatTime(row.timeMs)}
      </Cell>
      <Cell className="cell-size">{row.kind === 'file' ? formatBytes(row.size) : ''}</Cell>
      <span className="cell-more" role="gridcell">
        <MoreButton />
      </span>
    </div>
  )
})

/** What narrow screens show below the name instead of in columns. */
function metaOf(row: Row, withLocation: boolean): string {
  const folder = parentOf(row.path)
  return [
    ...(row.timeMs === 0 ? [] : [formatTime(row.timeMs)]),
    ...(row.kind === 'file' ? [formatBytes(row.size)] : []),
    ...(withLocation ? [folder === '/' ? TEXT.files.root : nameOf(folder)] : []),
  ].join(' · ')
}

function Location({ row, latest }: { row: Row; latest: RefObject<FileListProps> }) {
  const folder = parentOf(row.path)
  return (
    <Cell className="cell-location" title={folder}>
      <button
        type="button"
        tabIndex={-1}
        className="location"
        onClick={(event) => {
          event.stopPropagation()
          latest.current.onShowLocation(row)
        }}
      >
        <bdi>{folder === '/' ? TEXT.files.root : shownName(folder.slice(1)).replaceAll('/', ' / ')}</bdi>
      </button>
    </Cell>
  )
}

function Cell({ className, title, children }: { className: string; title?: string | undefined; children: ReactNode }) {
  return (
    <span className={className} role="gridcell" title={title}>
      {children}
    </span>
  )
}
