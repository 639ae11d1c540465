import type { LockName, StateName, StateStore } from '../../ports.ts'

/** State in memory: a new device each time. */
export function memoryStore(): StateStore {
  const values = new Map<StateName, Uint8Array>()
  const turns = new Map<LockName, Promise<unknown>>()
  return {
    load: async (name) => values.get(name)?.slice() ?? null,
    async save(name, bytes) {
      values.set(name, bytes.slice())
    },
    async append(name, bytes) {
      const before = values.get(name) ?? new Uint8Array(0)
      const after = new Uint8Array(before.length + bytes.length)
      after.set(before)
      after.set(bytes, before.length)
      values.set(name, after)
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
  }
}
