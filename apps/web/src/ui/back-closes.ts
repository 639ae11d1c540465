import { useEffect } from 'react'
import { useLatest } from './use-latest.ts'

// [Note: Back] What is open over the page has an entry of its own in the browser's history, so that going back closes it
// and leaves the page where it is. Entries are numbered by how many things are open; each closes when the history is at a
// lower number. What is closed otherwise leaves its entry behind as a spare one, because browsers go back some time later
// only, when another page may be there already: the next thing that opens takes the spare entry, and who goes back from
// it is taken past all entries of the same page.

interface Opened {
  readonly depth: number
  close(): void
}

const opened: Opened[] = []
/** The router's key of the page whose spare entry the history is at, or has just left. */
let sparePage: string | null = null

interface EntryState {
  /** How many things were open when it was made. */
  readonly opened?: number
  readonly spare?: boolean
  readonly __TSR_key?: string
}

function stateNow(): EntryState {
  const state: unknown = history.state
  return typeof state === 'object' && state !== null ? state : {}
}

/** Around the router, which would load the page again. */
function write(how: 'pushState' | 'replaceState', change: EntryState): void {
  History.prototype[how].call(history, { ...stateNow(), ...change }, '')
}

addEventListener('popstate', () => {
  const { opened: depth = 0, spare = false, __TSR_key: page = null } = stateNow()
  for (const one of opened.toReversed()) if (one.depth > depth) one.close()
  if (spare) sparePage = page
  else if (page !== null && page === sparePage && opened.length === 0) history.back()
  else sparePage = null
})

/** Makes going back close what the component shows. */
export function useBackCloses(close: () => void): void {
  const latest = useLatest(close)
  useEffect(() => {
    const depth = (opened.at(-1)?.depth ?? 0) + 1
    const own: Opened = { depth, close: () => latest.current() }
    opened.push(own)
    write(stateNow().spare ? 'replaceState' : 'pushState', { opened: depth, spare: false })
    sparePage = null
    return () => {
      opened.splice(opened.indexOf(own), 1)
      const now = stateNow()
      // What has gone on to another page since, or back already, has no entry here.
      if (now.opened !== depth) return
      write('replaceState', { opened: depth - 1, spare: true })
      sparePage = now.__TSR_key ?? null
    }
  }, [latest])
}
