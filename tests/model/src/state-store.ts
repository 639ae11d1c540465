import type { StateName, StateStore } from '@strongroom/client'

/** A device's state in memory, which outlives the processes that use it. */
export interface ModelStore extends StateStore {
  /** What the next process finds after this one crashed: the same bytes, and locks that nobody holds. */
  afterCrash(): ModelStore
}

export function modelStore(values = new Map<StateName, Uint8Array>()): ModelStore {
  const turns = new Map<string, Promise<unknown>>()
  return {
    load: async (name) => values.get(name)?.slice() ?? null,
    async save(name, bytes) {
      values.set(name, bytes.slice())
    },
    async append(name, bytes) {
      values.set(name, new Uint8Array(Buffer.concat([values.get(name) ?? new Uint8Array(0), bytes])))
    },
    async remove(name) {
      values.delete(name)
    },
    exclusively(task, lock = 'profile') {
      const result = (turns.get(lock) ?? Promise.resolve()).then(task)
      turns.set(
        lock,
        result.catch(() => undefined),
      )
      return result
    },
    afterCrash: () => modelStore(new Map(values)),
  }
}
