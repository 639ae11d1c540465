import { ClientError } from '../../errors.ts'
import type { StateName, StateStore } from '../../ports.ts'

const STORE = 'state'

/**
 * State in IndexedDB, shared by the tabs of one origin; the lock is a Web Lock. Key material lies there unsealed, so
 * it is as safe as the browser profile is.
 */
export function databaseStore(name = 'strongroom'): StateStore {
  let opened: Promise<IDBDatabase> | null = null
  const database = (): Promise<IDBDatabase> => {
    opened ??= new Promise((done, fail) => {
      const request = indexedDB.open(name, 1)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE)
      request.onsuccess = () => done(request.result)
      request.onerror = () => fail(failure(request.error))
    })
    return opened
  }
  const run = async <T>(mode: IDBTransactionMode, task: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const transaction = (await database()).transaction(STORE, mode, { durability: 'strict' })
    return await new Promise((done, fail) => {
      const request = task(transaction.objectStore(STORE))
      transaction.oncomplete = () => done(request.result)
      transaction.onabort = () => fail(failure(transaction.error))
    })
  }
  return {
    async load(key: StateName) {
      const value: unknown = await run('readonly', (store) => store.get(key))
      return value instanceof Uint8Array ? value : null
    },
    async save(key, bytes) {
      await run('readwrite', (store) => store.put(bytes.slice(), key))
    },
    async remove(key) {
      await run('readwrite', (store) => store.delete(key))
    },
    // Reason for the cast: the lock resolves to what its task resolves to.
    exclusively: async <T>(task: () => Promise<T>) => (await navigator.locks.request(`${name}-profile`, task)) as T,
  }
}

function failure(cause: unknown): ClientError {
  return new ClientError('local_io', "The browser's database failed.", { cause })
}
