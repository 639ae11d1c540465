import { TEXT } from '../strings.ts'

/** Shows what is dragged as a small card beside the pointer. */
export function dragImage(transfer: DataTransfer, name: string, count: number): void {
  const card = document.createElement('div')
  card.className = 'drag-card'
  card.textContent = count === 1 ? name : TEXT.files.items(count)
  document.body.append(card)
  transfer.setDragImage(card, -12, -8)
  // The browser has drawn it by then.
  setTimeout(() => card.remove(), 0)
}
