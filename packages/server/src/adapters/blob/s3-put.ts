import http from 'node:http'
import https from 'node:https'
import type { Agents } from './s3-client.ts'
import type { BucketUrls, SignedRequest } from './s3-urls.ts'

/** What became of an object that was sent: `unclear` where only the SDK's own request can tell. */
export type Sent = 'stored' | 'exists' | 'unclear'

export interface SmallObject {
  readonly key: string
  readonly bytes: Uint8Array
  /** All of them are signed; names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Sends small objects by requests that the SDK's signer has signed, without the rest of the SDK. Never throws.
 *
 * Reason: the SDK spends a millisecond on a request, more than all else that a small file costs a server, and hashes the
 * bytes twice more. Whatever it would do for a request that fails, it does when the same is sent through it afterwards.
 */
export function signedPut(
  urls: BucketUrls,
  agents: Agents,
  patienceMs: number,
): (object: SmallObject) => Promise<Sent> {
  const isSecure = urls.origin.startsWith('https:')
  const open = isSecure ? https.request : http.request
  const agent = isSecure ? agents.httpsAgent : agents.httpAgent

  function send({ url, headers }: SignedRequest, bytes: Uint8Array): Promise<number> {
    return new Promise((done, fail) => {
      const request = open(url, { method: 'PUT', agent, headers, signal: AbortSignal.timeout(patienceMs) })
      request.on('error', fail)
      request.on('response', (answer) => {
        answer.on('error', fail)
        answer.on('end', () => done(answer.statusCode ?? 0))
        // A connection is free again only once its answer was read.
        answer.resume()
      })
      request.end(bytes)
    })
  }

  return async ({ key, bytes, headers }) => {
    const described = { ...headers, 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' }
    try {
      const request = await urls.signHeaders({ method: 'PUT', key, headers: described })
      return SENT[await send(request, bytes)] ?? 'unclear'
    } catch {
      // It may have been stored all the same.
      return 'unclear'
    }
  }
}

const SENT: Readonly<Record<number, Sent>> = { 200: 'stored', 412: 'exists' }
