import { lineOf, type Notes } from './check.ts'

const CURES: Readonly<Record<string, readonly [found: string, mend: string]>> = {
  '28P01': ['it refuses this user or password', 'write both into DATABASE_URL, with special characters as %xx'],
  '28000': ['it does not let this user in', 'allow the user, the database and this address in pg_hba.conf'],
  '3D000': [
    'there is no database of this name',
    "make it: CREATE DATABASE strongroom OWNER … ENCODING 'UTF8' TEMPLATE template0",
  ],
  '42501': ['the role may not do what servers do', 'make it the owner of the database'],
  '25006': ['it takes no changes: a standby, or set to be read-only', 'name the primary in DATABASE_URL'],
  '53300': ['it has no connection left', 'raise max_connections, or lower DATABASE_POOL of the servers'],
  encoding: ['its encoding is not UTF8', "make it anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"],
  too_old: ['its version of PostgreSQL is too old', 'use 14 or newer'],
}

/** Says why a database could not be opened, and what to do about it. */
export function noteUnopened(error: unknown, notes: Notes): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const unknown = 'see that the database of DATABASE_URL runs, and that host and port are right'
  const [found, mend] = CURES[code] ?? [lineOf(error), unknown]
  notes.fail('database.reach', `it cannot be used (${found})`, mend)
}
