import type { JournalStore } from '../../ports.ts'

/** One object store of a database, a request at a time. */
export type RunRequest = <T>(
  mode: IDBTransactionMode,
  task: (store: IDBObjectStore) => IDBRequest<T>,
  durability?: IDBTransactionDurability,
) => Promise<T>

interface StoredJournal {
  readonly bytes: Uint8Array
  readonly savedMs: number
}

function isJournal(value: unknown): value is StoredJournal {
  return typeof value === 'object' && value !== null && 'bytes' in value && value.bytes instanceof Uint8Array
}

/** Journals in IndexedDB; a transfer belongs to one tab at a time by a Web Lock, which ends with the tab. */
export function journalDatabase(name: string, run: RunRequest, nowMs: () => number): JournalStore {
  return {
    async list() {
      const [keys, values] = await Promise.all([
        run<IDBValidKey[]>('readonly', (store) => store.getAllKeys()),
        run<unknown[]>('readonly', (store) => store.getAll()),
      ])
      return keys.flatMap((id, index) => {
        const value = values[index]
        return typeof id === 'string' && isJournal(value) ? [{ id, savedMs: value.savedMs }] : []
      })
    },
    async load(id) {
      const value: unknown = await run('readonly', (store) => store.get(id))
      return isJournal(value) ? value.bytes : null
    },
    async save(id, bytes) {
      const journal: StoredJournal = { bytes: bytes.slice(), savedMs: nowMs() }
      // Reason: losing a journal costs a transfer's progress and nothing else.
      await run('readwrite', (store) => store.put(journal, id), 'relaxed')
    },
    async remove(id) {
      await run('readwrite', (store) => store.delete(id), 'relaxed')
    },
    claim: (id) =>
      new Promise((done, fail) => {
        navigator.locks
          .request(`${name}-transfer-${id}`, { ifAvailable: true }, (lock) => {
            if (lock === null) {
              done(null)
              return undefined
            }
            return new Promise<void>((end) => done(async () => end()))
          })
          .catch(fail)
      }),
  }
}
