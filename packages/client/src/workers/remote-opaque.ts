import { ClientError, type ClientErrorCode } from '../errors.ts'
import type { OpaqueClient, OpaqueLogin, OpaqueRegistration } from '../ports.ts'
import type { OpaqueMethod, OpaqueRequest, OpaqueResponse } from './opaque-protocol.ts'
import { type RemoteWorker, type StartWorker, WORKER_ENDED } from './remote-worker.ts'

/** OPAQUE in a worker of its own, made at the first call and ended by `close`. */
export function remoteOpaque(start: StartWorker): OpaqueClient {
  let worker: RemoteWorker | null = null
  let nextId = 0
  const waiting = new Map<number, { done: (value: unknown) => void; fail: (error: Error) => void }>()

  const begin = (): RemoteWorker => {
    const begun = start({
      message(data) {
        const response = data as OpaqueResponse // What `answerOpaque` makes.
        const call = waiting.get(response.id)
        waiting.delete(response.id)
        if ('value' in response) call?.done(response.value)
        // Reason for the cast: the worker copies the code from a ClientError.
        else call?.fail(new ClientError(response.failure.code as ClientErrorCode, response.failure.message))
      },
      ended(cause) {
        if (worker === begun) worker = null
        const failure = new ClientError('server', 'The login worker ended.', { cause, details: WORKER_ENDED })
        for (const { fail } of waiting.values()) fail(failure)
        waiting.clear()
      },
    })
    return begun
  }
  const call = (method: OpaqueMethod, input: unknown): Promise<unknown> =>
    new Promise((done, fail) => {
      worker ??= begin()
      nextId += 1
      waiting.set(nextId, { done, fail })
      const request: OpaqueRequest = { id: nextId, method, input }
      worker.post(request, [])
    })
  // Reason for the casts: the worker runs the inline client, whose results these are.
  return {
    startRegistration: async (password) =>
      (await call('startRegistration', password)) as { state: string; request: string },
    finishRegistration: async (input) => (await call('finishRegistration', input)) as OpaqueRegistration,
    startLogin: async (password) => (await call('startLogin', password)) as { state: string; request: string },
    finishLogin: async (input) => (await call('finishLogin', input)) as OpaqueLogin | null,
    hasMemory: async (mebibytes) => (await call('hasMemory', mebibytes)) as boolean,
    async close() {
      const ending = worker
      worker = null
      await ending?.end()
    },
  }
}
