import type { StateName } from '@strongroom/client'
import { databaseStore } from '@strongroom/client/browser'

const store = databaseStore()
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes))
const bytesOf = (written: string) => new TextEncoder().encode(written)

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result)
    request.onerror = () => fail(request.error)
  })
}

/** The records of the state as they lie in the database: a build from before there were pieces knows these only by name. */
async function inRecords<T>(mode: IDBTransactionMode, task: (records: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open('strongroom', 2)
  opening.onupgradeneeded = () => {
    for (const name of ['state', 'journals']) opening.result.createObjectStore(name)
  }
  const database = await settled(opening)
  try {
    return await settled(task(database.transaction('state', mode).objectStore('state')))
  } finally {
    database.close()
  }
}

const page = {
  load: async (name: StateName) => text(await store.load(name)),
  save: (name: StateName, written: string) => store.save(name, bytesOf(written)),
  append: (name: StateName, written: string) => store.append(name, bytesOf(written)),
  remove: (name: StateName) => store.remove(name),
  /** One after the other; each that is kept is told to the test. */
  async appendAll(name: StateName, prefix: string, count: number) {
    for (let index = 0; index < count; index += 1) {
      await store.append(name, bytesOf(`${prefix}${index};`))
      await (globalThis as { told?: (index: number) => Promise<void> }).told?.(index)
    }
  },
  saveAsBefore: (name: StateName, written: string) =>
    inRecords('readwrite', (records) => records.put(bytesOf(written), name)),
  loadAsBefore: async (name: StateName) => {
    const value: unknown = await inRecords('readonly', (records) => records.get(name))
    return value instanceof Uint8Array ? text(value) : null
  },
  keys: () => inRecords('readonly', (records) => records.getAllKeys()),
  deleteDatabase: () => settled(indexedDB.deleteDatabase('strongroom')),
}
export type DatabaseStorePage = typeof page

Object.assign(globalThis, { store: page, ready: true })
