import type { Row } from '../bridge/rows.ts'
import { observable } from './observable.ts'

/** Entries that were cut or copied within the app, until they are pasted. */
export interface Clipped {
  readonly mode: 'cut' | 'copy'
  readonly rows: readonly Row[]
}

export const clipboard = observable<Clipped | null>(null)
