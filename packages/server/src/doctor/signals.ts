import type { Signals } from '../ports/index.ts'
import type { Notes } from './check.ts'

const PATIENCE_MS = 6_000

/** Whether what servers tell each other through the database arrives. */
export async function checkSignals(signals: Signals, notes: Notes, patienceMs = PATIENCE_MS): Promise<void> {
  if (await arrive(signals, patienceMs)) return notes.ok('database.signals', 'what servers tell each other arrives')
  notes.warn(
    'database.signals',
    'LISTEN delivers nothing: a pooler in transaction mode stands before the database, or no connection is left',
    'clients see changes within a second instead of at once; see PgBouncer in docs/postgresql.md',
  )
}

async function arrive(signals: Signals, patienceMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (arrived: boolean): void => {
      clearTimeout(timer)
      deafen()
      resolve(arrived)
    }
    const timer = setTimeout(end, patienceMs, false)
    // Told once the first message to itself has come back.
    const deafen = signals.listen((message) => {
      if (message === null) end(true)
    })
    if (signals.connected()) end(true)
  })
}
