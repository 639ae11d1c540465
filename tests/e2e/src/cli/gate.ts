import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What happens to an exchange at a moment; `cut` ends the connection without an answer. */
export type Verdict = 'pass' | 'cut'

/** A guarded request is at the gate. */
export interface Guard {
  /** Before the server sees the request. */
  before?(): Promise<Verdict> | Verdict
  /** After it has answered, with its status. */
  after?(status: number): Promise<Verdict> | Verdict
}

/** An HTTP proxy that holds up or cuts guarded requests; everything else passes. */
export interface Gate extends AsyncDisposable {
  readonly url: string
  /** Sets the guard; null lets all pass. */
  guard(guard: Guard | null): void
}

/** Starts a gate in front of a server. @param isGuarded - by method and path; requests that append commits unless told */
export async function startGate(
  upstream: string,
  isGuarded: (request: string) => boolean = (request) => /^POST .*\/commits$/.test(request),
): Promise<Gate> {
  let current: Guard | null = null
  const server = createServer((incoming, outgoing) => {
    const guard = isGuarded(`${incoming.method} ${incoming.url}`) ? current : null
    pass(upstream, guard, incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // Listening on a port.
  return {
    url: `http://127.0.0.1:${port}`,
    guard: (guard) => {
      current = guard
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function pass(
  upstream: string,
  guard: Guard | null,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const body = await readAll(incoming)
  if ((await guard?.before?.()) === 'cut') return void incoming.socket.destroy()
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { method, headers, url = '/' } = incoming
    const length = { 'content-length': String(body.length) }
    const sent = httpRequest(`${upstream}${url}`, { method, headers: { ...headers, ...length }, agent: false }, resolve)
    sent.once('error', reject)
    sent.end(body)
  })
  const reply = await readAll(answer)
  if ((await guard?.after?.(answer.statusCode ?? 0)) === 'cut') return void incoming.socket.destroy()
  const { 'transfer-encoding': _, ...headers } = answer.headers
  outgoing.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': String(reply.length) })
  outgoing.end(reply)
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
