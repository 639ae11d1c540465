import {
  type DragEvent,
  type HTMLAttributes,
  type MouseEvent,
  type PointerEvent,
  type RefObject,
  useState,
} from 'react'
import type { Row } from '../bridge/rows.ts'
import { dragged } from '../state/dragging.ts'
import { copies } from './copies.ts'
import { dragImage } from './drag-image.ts'
import type { FileListProps } from './file-list.ts'

/** Type of what is dragged within the app. */
export const DRAG_TYPE = 'application/x-strongroom-items'

let lastPointer = 'mouse'

/**
 * What an item of a list does when it is clicked, tapped, dragged and dropped on, whatever it looks like.
 *
 * @param latest - the list's properties as they are when something happens, so that items need no new ones
 */
export function useListItem(
  row: Row,
  isSelected: boolean,
  isRenaming: boolean,
  latest: RefObject<FileListProps>,
): { isTarget: boolean; handlers: HTMLAttributes<HTMLElement> & { 'data-item': number } } {
  const [isTarget, setTarget] = useState(false)
  const takes = (event: DragEvent): boolean =>
    row.kind === 'folder' &&
    latest.current.onMoveInto !== undefined &&
    event.dataTransfer.types.includes(DRAG_TYPE) &&
    dragged.get()?.ids.has(row.id) === false
  return {
    isTarget,
    handlers: {
      'data-item': row.index,
      draggable: latest.current.onDrag !== undefined && !isRenaming,
      onPointerDown(event: PointerEvent) {
        lastPointer = event.pointerType
      },
      onClick(event: MouseEvent) {
        const { selection, onOpen } = latest.current
        if (lastPointer === 'touch') {
          // A finger opens; once something is selected, it selects.
          if (selection.ids.size > 0) selection.toggle(row.index)
          else onOpen(row)
        } else if (event.shiftKey) selection.extendTo(row.index)
        else if (event.ctrlKey || event.metaKey) selection.toggle(row.index)
        else selection.only(row.index)
      },
      onDoubleClick() {
        if (lastPointer !== 'touch') latest.current.onOpen(row)
      },
      onMouseDown(event: MouseEvent) {
        // The middle button would begin to scroll.
        if (event.button === 1) event.preventDefault()
      },
      onAuxClick(event: MouseEvent) {
        if (event.button === 1 && row.kind === 'folder') latest.current.onOpenApart?.(row)
      },
      onDragStart(event) {
        const { selection } = latest.current
        if (!isSelected) selection.only(row.index)
        event.dataTransfer.setData(DRAG_TYPE, '')
        event.dataTransfer.effectAllowed = 'copyMove'
        dragImage(event.dataTransfer, row.name, isSelected ? selection.ids.size : 1)
        // Reason: what the list does with its selection is known once that has changed.
        setTimeout(() => latest.current.onDrag?.(), 0)
      },
      onDragEnd: () => dragged.set(null),
      onDragOver(event) {
        if (!takes(event)) return
        event.preventDefault()
        copies(event)
        setTarget(true)
      },
      onDragLeave: () => setTarget(false),
      onDrop(event) {
        setTarget(false)
        if (!takes(event)) return
        event.preventDefault()
        latest.current.onMoveInto?.(row, copies(event))
      },
    },
  }
}
