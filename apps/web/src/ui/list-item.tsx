import { EllipsisVertical } from 'lucide-react'
import type { RefObject } from 'react'
import type { Row, Rows } from '../bridge/rows.ts'
import { shownName } from '../format.ts'
import { TEXT } from '../strings.ts'
import type { FileListProps } from './file-list.ts'
import { ItemName } from './item-name.tsx'
import { openMenuAt } from './list-menu.tsx'

/** What an item of a list is drawn from, as a row or as a card. */
export interface ListItemProps {
  readonly rows: Rows
  readonly index: number
  readonly domId: string
  readonly isActive: boolean
  readonly isSelected: boolean
  readonly isFavourite: boolean
  readonly isRenaming: boolean
  readonly highlight: string
  readonly latest: RefObject<FileListProps>
}

/** What the class of an item tells of it. */
export function stateClasses({ isActive, isSelected }: ListItemProps, isTarget: boolean): string {
  return `${isSelected ? 'row-selected' : ''} ${isActive ? 'row-active' : ''} ${isTarget ? 'row-target' : ''}`
}

export function ItemCheckbox({ item, row, className = '' }: { item: ListItemProps; row: Row; className?: string }) {
  return (
    <input
      type="checkbox"
      className={className}
      tabIndex={-1}
      aria-label={TEXT.files.select(shownName(row.name))}
      checked={item.isSelected}
      onClick={(event) => event.stopPropagation()}
      onDoubleClick={(event) => event.stopPropagation()}
      onChange={() => item.latest.current.selection.toggle(item.index)}
    />
  )
}

/** The name, or the field that edits it; the list gets the focus back afterwards. */
export function ListItemName({ item, row }: { item: ListItemProps; row: Row }) {
  const { highlight, isFavourite, isRenaming, domId, latest } = item
  return (
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
  )
}

/** Opens the menu of the item. */
export function MoreButton() {
  return (
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
  )
}
