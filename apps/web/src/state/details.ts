import { observable } from './observable.ts'

const KEY = 'strongroom-details'

/** Narrower, the panel covers the list: it is not opened by itself. */
const beside = matchMedia('(min-width: 1081px)')

/** Whether the panel with details is open in this browser. */
export const detailsOpen = observable(localStorage.getItem(KEY) === 'open' && beside.matches)

export function setDetailsOpen(open: boolean): void {
  localStorage.setItem(KEY, open ? 'open' : 'closed')
  detailsOpen.set(open)
}
