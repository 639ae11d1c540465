import { createServer, type IncomingMessage } from 'node:http'

const REQUEST_MS = 10_000
/** This machine as its own programs call it; a port may follow. */
const OWN_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i

/** Of every answer: no browser is to make anything of it. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

/** What a metrics server shows. */
export interface Shown {
  readonly contentType: string
  text(): Promise<string>
}

/**
 * Serves `GET /metrics` on an address of its own, apart from what clients reach.
 *
 * @returns what ends it
 * @throws Error of `listen`
 */
export async function serveMetrics(
  address: { readonly host: string; readonly port: number },
  shown: Shown,
): Promise<() => Promise<void>> {
  const isOwn = OWN_NAME.test(address.host) || address.host === '::1'
  // Reason: a page may have its own name resolve to this machine, and asks then as if it were of the same origin.
  const isPage = ({ headers }: IncomingMessage): boolean =>
    headers.origin !== undefined || (isOwn && !OWN_NAME.test(headers.host ?? ''))
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    const answer = (status: number, type: string, text: string): void => {
      response.writeHead(status, { ...HEADERS, 'content-type': type }).end(text)
    }
    if (request.method !== 'GET' || request.url !== '/metrics' || isPage(request)) {
      answer(404, 'text/plain', 'not found\n')
      return
    }
    shown.text().then(
      (text) => answer(200, shown.contentType, text),
      () => answer(500, 'text/plain', 'failed\n'),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(address.port, address.host, resolve)
  })
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
}
