import { observable } from './observable.ts'

/** What is looked for, as it is typed. */
export const searchText = observable('')
