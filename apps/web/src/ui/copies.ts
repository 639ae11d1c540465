import type { DragEvent } from 'react'

/** Whether a drag within the app copies, as its user holds the key for it; shows that at the pointer. */
export function copies(event: DragEvent): boolean {
  const isCopy = event.ctrlKey || event.altKey
  event.dataTransfer.dropEffect = isCopy ? 'copy' : 'move'
  return isCopy
}
