import { TEXT } from '../strings.ts'
import { showToast } from './toasts.ts'

/** Ways back that are still known; the last is the newest. */
const ways: (() => Promise<unknown>)[] = []
const MOST = 50

/** Tells what was done, with a way back by the button or by Ctrl + Z. */
export function showUndoable(
  text: string,
  undo: () => Promise<unknown>,
  act: (task: () => Promise<void>) => void,
): void {
  const way = async (): Promise<void> => {
    await undo()
    showToast(TEXT.done.undone)
  }
  ways.push(way)
  if (ways.length > MOST) ways.shift()
  showToast(text, {
    label: TEXT.done.undo,
    run() {
      const index = ways.indexOf(way)
      if (index < 0) return
      ways.splice(index, 1)
      act(way)
    },
  })
}

/** The newest way back, taken off the list; null when there is none. */
export function takeUndo(): (() => Promise<unknown>) | null {
  return ways.pop() ?? null
}

/** Forgets all ways back: they belong to who was signed in. */
export function forgetUndo(): void {
  ways.length = 0
}
