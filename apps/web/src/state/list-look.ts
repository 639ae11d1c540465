import { observable } from './observable.ts'

export type ListLook = 'list' | 'grid'

const KEY = 'strongroom-look'

/** How folders are shown in this browser. */
export const listLook = observable<ListLook>(localStorage.getItem(KEY) === 'grid' ? 'grid' : 'list')

export function setLook(look: ListLook): void {
  localStorage.setItem(KEY, look)
  listLook.set(look)
}
