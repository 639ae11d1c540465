import { observable } from './observable.ts'

/** What is being dragged within the app, and what the place that it is dropped on may do with it. */
export interface Dragged {
  readonly ids: ReadonlySet<string>
  /** Folder that all of it lies in; null where it comes from several. */
  readonly from: string | null
  moveInto(folder: string): void
  copyInto(folder: string): void
  trash(): void
  mark(): void
}

/** Reason for keeping it apart from the event: browsers hide the data of a drag until it is dropped. */
export const dragged = observable<Dragged | null>(null)
