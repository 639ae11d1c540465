import { ClientError, throwIfAborted } from '../../errors.ts'
import type { LockName, StateName, StateStore } from '../../ports.ts'
import { journalDatabase, type RunRequest } from './journal-store.ts'

const STATE = 'state'
const JOURNALS = 'journals'
const VERSION = 2

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
  return {
    journals: journalDatabase(name, runIn(JOURNALS), () => Date.now()),
    async load(key: StateName) {
      const value: unknown = await run('readonly', (store) => store.get(key))
      return value instanceof Uint8Array ? value : null
    },
    async save(key, bytes) {
      await run('readwrite', (store) => store.put(bytes.slice(), key))
    },
    async append(key, bytes) {
      await run('readwrite', (store) => {
        const reading = store.get(key)
        reading.onsuccess = () => {
          const before = reading.result instanceof Uint8Array ? reading.result : new Uint8Array(0)
          const after = new Uint8Array(before.length + bytes.length)
          after.set(before)
          after.set(bytes, before.length)
          store.put(after, key)
        }
        return reading
      })
    },
    async remove(key) {
      await run('readwrite', (store) => store.delete(key))
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
