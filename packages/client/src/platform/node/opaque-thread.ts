import { Worker } from 'node:worker_threads'
import { ClientError, type ClientErrorCode } from '../../errors.ts'
import type { OpaqueClient, OpaqueLogin, OpaqueRegistration } from '../../ports.ts'
import { inlineOpaque } from '../../session/opaque.ts'
import type { OpaqueMethod, OpaqueRequest, OpaqueResponse } from './opaque-protocol.ts'

/** OPAQUE in a thread of its own, made at the first call and ended by `close`; inline where `entry` is null. */
export function opaqueThread(entry: URL | null): OpaqueClient {
  if (entry === null) return inlineOpaque()
  let worker: Worker | null = null
  let nextId = 0
  const waiting = new Map<number, { done: (value: unknown) => void; fail: (error: Error) => void }>()

  const failAll = (cause: unknown): void => {
    worker = null
    for (const { fail } of waiting.values()) fail(new ClientError('server', 'The login thread ended.', { cause }))
    waiting.clear()
  }
  const start = (): Worker => {
    const made = new Worker(entry)
    made.on('message', (response: OpaqueResponse) => {
      const call = waiting.get(response.id)
      waiting.delete(response.id)
      if ('value' in response) call?.done(response.value)
      // Reason for the cast: the worker copies the code from a ClientError.
      else call?.fail(new ClientError(response.failure.code as ClientErrorCode, response.failure.message))
    })
    made.on('error', failAll)
    made.on('exit', () => failAll(undefined))
    return made
  }
  const call = (method: OpaqueMethod, input: unknown): Promise<unknown> =>
    new Promise((done, fail) => {
      worker ??= start()
      nextId += 1
      waiting.set(nextId, { done, fail })
      const request: OpaqueRequest = { id: nextId, method, input }
      worker.postMessage(request)
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
      ending?.removeAllListeners('exit')
      await ending?.terminate()
    },
  }
}
