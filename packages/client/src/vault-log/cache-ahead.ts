import type { StateName, StateStore } from '../ports.ts'

const AHEAD: readonly StateName[] = ['cache', 'cacheLog']

/**
 * The same store, whose sealed cache is being read already, for who waits for the key to it. Each part is given once;
 * who asks again, or after a change, reads what is stored then.
 */
export function readAhead(store: StateStore): StateStore {
  const waiting = new Map(AHEAD.map((name) => [name, store.load(name)]))
  // Whoever wants it is told.
  for (const reading of waiting.values()) reading.catch(() => undefined)
  return {
    ...store,
    load(name) {
      const reading = waiting.get(name)
      waiting.delete(name)
      return reading ?? store.load(name)
    },
    save(name, bytes) {
      waiting.delete(name)
      return store.save(name, bytes)
    },
    append(name, bytes) {
      waiting.delete(name)
      return store.append(name, bytes)
    },
    remove(name) {
      waiting.delete(name)
      return store.remove(name)
    },
  }
}
