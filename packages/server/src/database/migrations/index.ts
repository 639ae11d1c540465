import { FIRST } from './0001-first.ts'

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** Every migration, in the order in which they apply. What has been released is never edited. */
export const MIGRATIONS: readonly Migration[] = [{ version: 1, name: 'first', sql: FIRST }]
