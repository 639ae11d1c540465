import { ClientError, throwIfAborted } from '../../errors.ts'
import type { LockName, StateName, StateStore } from '../../ports.ts'
import { journalDatabase, type RunRequest } from './journal-store.ts'

const STATE = 'state'
const JOURNALS = 'journals'
const VERSION = 2

/** Reason: whatever a crash leaves of them opens to nothing that counts, and is read from the server again. */
const SHORTCUTS: readonly StateName[] = ['cache', 'cacheLog']

// [Note: Pieces] What was saved under a name is the record of that name; what was appended since lies behind it in
// records `[name, 0]`, `[name, 1]` and so on, so that adding a commit costs as much as the commit is long. Builds from
// before there were pieces read and write the first record alone: a tab of one, beside a tab of this one, finds less of
// what can be found again, and nothing that is false.

/**
 * State in IndexedDB, shared by the tabs of one origin; the lock is a Web Lock. Key material lies there unsealed, so
 * it is as safe as the browser profile is.
 */
export function databaseStore(name = 'strongroom'): StateStore {
  let opened: Promise<IDBDatabase> | null = null
  const database = (): Promise<IDBDatabase> => {
    opened ??= openDatabase(name, () => {
      opened = null
    })
    return opened
  }
  const runIn =
    (store: string): RunRequest =>
    async (mode, task, durability = 'strict') => {
      const begin = async (): Promise<IDBTransaction> => (await database()).transaction(store, mode, { durability })
      const transaction = await begin().catch(async (error: unknown) => {
        // Reason: one that was closed under this tab, by a user who clears site data for instance, says so here at the latest.
        if (!(error instanceof DOMException)) throw error
        opened = null
        return await begin()
      })
      return await new Promise((done, fail) => {
        const request = task(transaction.objectStore(store))
        transaction.oncomplete = () => done(request.result)
        transaction.onabort = () => fail(failure(transaction.error))
      })
    }
  const run = runIn(STATE)
  const change = async (name: StateName, task: (store: IDBObjectStore) => IDBRequest): Promise<void> => {
    await run('readwrite', task, SHORTCUTS.includes(name) ? 'relaxed' : 'strict')
  }
  return {
    journals: journalDatabase(name, runIn(JOURNALS), () => Date.now()),
    async load(key: StateName) {
      let pieces: unknown[] = []
      const saved: unknown = await run('readonly', (store) => {
        const reading = store.getAll(piecesOf(key))
        reading.onsuccess = () => {
          pieces = reading.result
        }
        return store.get(key)
      })
      return joined([saved, ...pieces])
    },
    async save(key, bytes) {
      await change(key, (store) => {
        store.delete(piecesOf(key))
        return store.put(bytes.slice(), key)
      })
    },
    async append(key, bytes) {
      await change(key, (store) => {
        const newest = store.openKeyCursor(piecesOf(key), 'prev')
        newest.onsuccess = () => store.put(bytes.slice(), [key, nextIndex(newest.result?.key)])
        return newest
      })
    },
    async remove(key) {
      await change(key, (store) => {
        store.delete(piecesOf(key))
        return store.delete(key)
      })
    },
    async exclusively<T>(task: () => Promise<T>, lock: LockName = 'profile', signal?: AbortSignal) {
      let began = false
      const begin = (): Promise<T> => {
        began = true
        return task()
      }
      try {
        // Reason for the cast: the lock resolves to what its task resolves to.
        return (await navigator.locks.request(`${name}-${lock}`, signal === undefined ? {} : { signal }, begin)) as T
      } catch (error) {
        if (!began) throwIfAborted(signal)
        throw error
      }
    },
  }
}

/** Keys of all that was appended under a name: arrays begin with what they hold. */
function piecesOf(name: StateName): IDBKeyRange {
  return IDBKeyRange.bound([name, 0], [name, Number.POSITIVE_INFINITY])
}

function nextIndex(newest: IDBValidKey | undefined): number {
  const index: unknown = Array.isArray(newest) ? newest[1] : undefined
  return typeof index === 'number' ? index + 1 : 0
}

/** null where there is none. */
function joined(values: readonly unknown[]): Uint8Array | null {
  const pieces = values.filter((value) => value instanceof Uint8Array)
  const [first] = pieces
  if (first === undefined || pieces.length === 1) return first ?? null
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const piece of pieces) {
    bytes.set(piece, end)
    end += piece.length
  }
  return bytes
}

/** @param gone - called once the database is no longer the one that was opened, or was not opened at all */
function openDatabase(name: string, gone: () => void): Promise<IDBDatabase> {
  const opening = new Promise<IDBDatabase>((done, fail) => {
    const request = indexedDB.open(name, VERSION)
    request.onupgradeneeded = () => {
      for (const store of [STATE, JOURNALS]) {
        if (!request.result.objectStoreNames.contains(store)) request.result.createObjectStore(store)
      }
    }
    request.onsuccess = () => done(request.result)
    request.onerror = () => fail(request.error)
  })
  return opening.then(
    (database) => {
      database.onclose = gone
      // Reason: a newer page, or whoever deletes the database, would wait for this tab.
      database.onversionchange = () => {
        database.close()
        gone()
      }
      return database
    },
    (cause: unknown) => {
      gone()
      throw failure(cause)
    },
  )
}

function failure(cause: unknown): ClientError {
  return new ClientError('local_io', "The browser's database failed.", { cause })
}
