import type { Sort } from '../worker/vault-api.ts'
import { type Observable, observable } from './observable.ts'

export type ListLook = 'list' | 'grid'

const LOOK_KEY = 'strongroom-look'
const SORT_KEY = 'strongroom-sort'

/** How folders are shown in this browser. */
export const listLook = observable<ListLook>(localStorage.getItem(LOOK_KEY) === 'grid' ? 'grid' : 'list')

export function setLook(look: ListLook): void {
  localStorage.setItem(LOOK_KEY, look)
  listLook.set(look)
}

/** The order of a kind of list, remembered in this browser. */
export interface SortMemory {
  readonly sort: Observable<Sort>
  set(sort: Sort): void
}

function remembered(key: string, fallback: Sort): SortMemory {
  const [by, order] = (localStorage.getItem(key) ?? '').split(' ')
  const known = by === 'name' || by === 'size' || by === 'time'
  const sort = observable<Sort>(known ? { by, descending: order === 'descending' } : fallback)
  return {
    sort,
    set(next) {
      localStorage.setItem(key, `${next.by} ${next.descending ? 'descending' : 'ascending'}`)
      sort.set(next)
    },
  }
}

const BY_NAME: Sort = { by: 'name', descending: false }
const NEWEST_FIRST: Sort = { by: 'time', descending: true }

export const SORTS = {
  folder: remembered(SORT_KEY, BY_NAME),
  recent: remembered(`${SORT_KEY}-recent`, NEWEST_FIRST),
  favourites: remembered(`${SORT_KEY}-favourites`, BY_NAME),
  search: remembered(`${SORT_KEY}-search`, BY_NAME),
  trash: remembered(`${SORT_KEY}-trash`, NEWEST_FIRST),
} as const
