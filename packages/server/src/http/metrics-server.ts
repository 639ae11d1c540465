import { createServer } from 'node:http'

const REQUEST_MS = 10_000

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
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
    // Reason: a page that has its own name resolve to this machine must not read them.
    const isPage = request.headers.origin !== undefined
    if (request.method !== 'GET' || request.url !== '/metrics' || isPage) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n')
      return
    }
    shown.text().then(
      (text) => response.writeHead(200, { 'content-type': shown.contentType, 'cache-control': 'no-store' }).end(text),
      () => response.writeHead(500, { 'content-type': 'text/plain' }).end('failed\n'),
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
