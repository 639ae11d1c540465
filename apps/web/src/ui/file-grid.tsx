import * as ContextMenu from '@radix-ui/react-context-menu'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useId, useRef, useState } from 'react'
import type { Row } from '../bridge/rows.ts'
import { formatBytes } from '../format.ts'
import { TEXT } from '../strings.ts'
import { FileIcon } from './file-icon.tsx'
import { type FileListProps, handleListKey } from './file-list.ts'
import { menuPlace } from './item-menu.tsx'
import { useListItem } from './use-list-item.ts'

const CARD_WIDTH = 172
const CARD_HEIGHT = 164
const OVERSCAN = 6

/** Entries as cards in rows, of which only the visible ones are drawn. */
export function FileGrid(props: FileListProps) {
  const { rows, selection } = props
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
    <ContextMenu.Root modal={false}>
      <ContextMenu.Trigger asChild>
        <div
          ref={scroller}
          className="table-body card-grid"
          role="listbox"
          tabIndex={0}
          aria-label={TEXT.files.list}
          aria-multiselectable="true"
          aria-activedescendant={active >= 0 ? cardId(active) : undefined}
          onKeyDown={(event) => handleListKey(event, props, columns)}
          onFocus={() => {
            if (active < 0 && rows.count > 0) selection.moveTo(0)
          }}
        >
          <div className="table-space" role="presentation" style={{ height: virtual.getTotalSize() }}>
            {virtual
              .getVirtualItems()
              .flatMap((line) =>
                indexesOf(line.index, columns, rows.count).map((index) => (
                  <Card
                    key={rows.idAt(index)}
                    {...props}
                    row={rows.at(index)}
                    domId={cardId(index)}
                    place={{ top: line.start, column: index % columns, columns }}
                    isActive={index === active}
                  />
                )),
              )}
          </div>
        </div>
      </ContextMenu.Trigger>
      <ContextMenu.Portal container={menuPlace()}>
        <ContextMenu.Content className="menu" collisionPadding={8}>
          {props.menu()}
        </ContextMenu.Content>
      </ContextMenu.Portal>
    </ContextMenu.Root>
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

interface CardProps extends FileListProps {
  readonly row: Row
  readonly domId: string
  readonly place: { readonly top: number; readonly column: number; readonly columns: number }
  readonly isActive: boolean
}

function Card({ row, domId, place, isActive, ...props }: CardProps) {
  const { isSelected, isTarget, handlers } = useListItem(row, props)
  return (
    <div
      {...handlers}
      id={domId}
      role="option"
      aria-selected={isSelected}
      title={row.name}
      className={`card-item ${isSelected ? 'row-selected' : ''} ${isActive ? 'row-active' : ''} ${isTarget ? 'row-target' : ''}`}
      style={{
        width: `calc(${100 / place.columns}% - 12px)`,
        left: `calc(${(100 * place.column) / place.columns}% + 6px)`,
        transform: `translateY(${place.top}px)`,
      }}
    >
      <FileIcon row={row} size={52} />
      <span className="card-name">
        <bdi>{row.name}</bdi>
      </span>
      <span className="card-meta">{row.kind === 'file' ? formatBytes(row.size) : ''}</span>
    </div>
  )
}
