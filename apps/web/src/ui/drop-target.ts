import { type DragEvent, type HTMLAttributes, useState } from 'react'
import { type Dragged, dragged } from '../state/dragging.ts'
import { copies } from './copies.ts'
import { DRAG_TYPE } from './use-list-item.ts'

/** Makes an element take what is dragged within the app, such as a place in the sidebar. */
export function useDropTarget(
  onDrop: ((what: Dragged, copy: boolean) => void) | null,
): Pick<HTMLAttributes<HTMLElement>, 'onDragOver' | 'onDragLeave' | 'onDrop'> & { 'data-target': true | undefined } {
  const [isTarget, setTarget] = useState(false)
  const takes = (event: DragEvent): boolean => onDrop !== null && event.dataTransfer.types.includes(DRAG_TYPE)
  return {
    'data-target': isTarget || undefined,
    onDragOver(event) {
      if (!takes(event)) return
      event.preventDefault()
      copies(event)
      setTarget(true)
    },
    onDragLeave: () => setTarget(false),
    onDrop(event) {
      setTarget(false)
      const what = dragged.get()
      if (!takes(event) || what === null) return
      event.preventDefault()
      onDrop?.(what, copies(event))
    },
  }
}
