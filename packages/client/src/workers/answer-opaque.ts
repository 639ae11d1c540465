import { ClientError } from '../errors.ts'
import type { OpaqueClient } from '../ports.ts'
import type { OpaqueRequest, OpaqueResponse } from './opaque-protocol.ts'

/** What a worker does in which OPAQUE and its stretching run. It is ended after each login, and passwords with it. */
export function answerOpaque(opaque: OpaqueClient): (request: OpaqueRequest) => Promise<OpaqueResponse> {
  return async (request) => {
    try {
      // Reason for the cast: `remoteOpaque` pairs each method with its own input.
      const method = opaque[request.method] as (input: unknown) => Promise<unknown>
      return { id: request.id, value: await method(request.input) }
    } catch (error) {
      const failure =
        error instanceof ClientError
          ? { code: error.code, message: error.message }
          : { code: 'server', message: 'OPAQUE failed.' }
      return { id: request.id, failure }
    }
  }
}
