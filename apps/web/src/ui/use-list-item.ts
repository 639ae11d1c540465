import { type DragEvent, type HTMLAttributes, type MouseEvent, useState } from 'react'
import type { Row } from '../bridge/rows.ts'
import { DRAG_TYPE, type FileListProps } from './file-list.ts'

/** What an item of a list does when it is clicked, dragged and dropped on, whatever it looks like. */
export function useListItem(
  row: Row,
  { selection, onOpen, onMoveInto }: Pick<FileListProps, 'selection' | 'onOpen' | 'onMoveInto'>,
): { isSelected: boolean; isTarget: boolean; handlers: HTMLAttributes<HTMLElement> } {
  const isSelected = selection.has(row.id)
  const [isTarget, setTarget] = useState(false)
  const takes = (event: DragEvent): boolean =>
    row.kind === 'folder' && onMoveInto !== undefined && !isSelected && event.dataTransfer.types.includes(DRAG_TYPE)
  return {
    isSelected,
    isTarget,
    handlers: {
      draggable: onMoveInto !== undefined,
      onClick(event: MouseEvent) {
        if (event.shiftKey) selection.extendTo(row.index)
        else if (event.ctrlKey || event.metaKey) selection.toggle(row.index)
        else selection.only(row.index)
      },
      onDoubleClick: () => onOpen(row),
      onContextMenu() {
        if (!isSelected) selection.only(row.index)
      },
      onDragStart(event) {
        if (!isSelected) selection.only(row.index)
        event.dataTransfer.setData(DRAG_TYPE, '')
        event.dataTransfer.effectAllowed = 'move'
      },
      onDragOver(event) {
        if (!takes(event)) return
        event.preventDefault()
        setTarget(true)
      },
      onDragLeave: () => setTarget(false),
      onDrop(event) {
        setTarget(false)
        if (!takes(event)) return
        event.preventDefault()
        onMoveInto?.(row)
      },
    },
  }
}
