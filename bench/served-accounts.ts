import { createHash } from 'node:crypto'
import { registerAccount, type TestAccount } from '../packages/server/src/testing/test-account.ts'
import type { TestServer } from '../packages/server/src/testing/test-server.ts'

interface Injected {
  readonly method: string
  readonly url: string
  readonly headers?: Record<string, string>
  readonly payload?: unknown
}

/** Makes accounts at a server that listens, by the requests that the server's own tests send past the network. */
export async function servedAccounts(url: string): Promise<() => Promise<TestAccount>> {
  const inject = async ({ method, url: path, headers, payload }: Injected) => {
    const response = await fetch(url + path, {
      method,
      headers: { ...headers, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(payload === undefined ? {} : { body: JSON.stringify(payload) }),
    })
    const text = await response.text()
    return {
      statusCode: response.status,
      headers: Object.fromEntries(response.headers),
      json: () => (text === '' ? {} : JSON.parse(text)),
    }
  }
  const info = (await inject({ method: 'GET', url: '/v1/info' })).json() as { opaquePublicKey: string }
  const opaquePublicKey = Buffer.from(info.opaquePublicKey, 'base64url')
  const serverIdentifier = createHash('sha256').update(opaquePublicKey).digest('hex')
  // Reason for the cast: of a test server, registration uses these two only.
  const server = { app: { inject }, setup: { serverIdentifier } } as unknown as TestServer
  return () => registerAccount(server)
}
