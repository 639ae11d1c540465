import { ClientError, type Transport, type TransportRequest } from '@strongroom/client'
import type { TestServer } from '../../../packages/server/src/testing/test-server.ts'

/** Where the in-process server seems to be. */
export const ORIGIN = 'http://model.test'

/** A whole answer, as it came or changed. */
export interface WireAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Uint8Array<ArrayBuffer>
}

/** Asks the server, without a network. */
export type Ask = () => Promise<WireAnswer>

/** What happens to a request on its way; default: it is asked, and answered. Throw what a transport throws. */
export type Trouble = (url: URL, request: TransportRequest, ask: Ask) => Promise<WireAnswer>

/** A transport into the server in this process, with trouble on the way. */
export function modelTransport(server: TestServer, trouble: () => Trouble | null): Transport {
  return async (address, request) => {
    const url = new URL(address)
    const ask: Ask = async () => {
      const { method, headers, body } = request
      const payload =
        body === undefined ? {} : { payload: typeof body === 'string' ? body : Buffer.concat([body].flat()) }
      const answer = await server.app.inject({ method, url: url.pathname + url.search, headers, ...payload })
      return { status: answer.statusCode, headers: answer.headers, body: new Uint8Array(answer.rawPayload) }
    }
    const { status, headers, body } = await (trouble()?.(url, request, ask) ?? ask())
    return {
      status,
      header(name) {
        const value = headers[name]
        return value === undefined ? null : String(value)
      },
      async bytes(maxLength, into) {
        if (body.length > maxLength) throw new ClientError('server', 'The answer is too long.')
        if (into === undefined || into.length < body.length) return body
        into.set(body)
        return into.subarray(0, body.length)
      },
    }
  }
}

export function isAppend(url: URL, request: TransportRequest): boolean {
  return request.method === 'POST' && url.pathname.endsWith('/commits')
}

export function lostConnection(): ClientError {
  return new ClientError('network', 'The server cannot be reached.')
}
