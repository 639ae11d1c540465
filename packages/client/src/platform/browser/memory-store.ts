import type { StateName, StateStore } from '../../ports.ts'

/** State in memory: a new device each time. */
export function memoryStore(): StateStore {
  const values = new Map<StateName, Uint8Array>()
  let turn: Promise<unknown> = Promise.resolve()
  return {
    load: async (name) => values.get(name)?.slice() ?? null,
    async save(name, bytes) {
      values.set(name, bytes.slice())
    },
    async remove(name) {
      values.delete(name)
    },
    exclusively(task) {
      const result = turn.then(task)
      turn = result.catch(() => undefined)
      return result
    },
  }
}
