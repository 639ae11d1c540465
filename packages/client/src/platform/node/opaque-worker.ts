import { parentPort } from 'node:worker_threads'
import { ClientError } from '../../errors.ts'
import { inlineOpaque } from '../../session/opaque.ts'
import type { OpaqueRequest, OpaqueResponse } from './opaque-protocol.ts'

// Entry of the thread in which OPAQUE and its stretching run. It is ended after each login, and passwords with it.
const opaque = inlineOpaque()

parentPort?.on('message', async (request: OpaqueRequest) => {
  let response: OpaqueResponse
  try {
    // Reason for the cast: `opaque-threads.ts` pairs each method with its own input.
    const method = opaque[request.method] as (input: unknown) => Promise<unknown>
    response = { id: request.id, value: await method(request.input) }
  } catch (error) {
    const failure =
      error instanceof ClientError
        ? { code: error.code, message: error.message }
        : { code: 'server', message: 'OPAQUE failed.' }
    response = { id: request.id, failure }
  }
  parentPort?.postMessage(response)
})
