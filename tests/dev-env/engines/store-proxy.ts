import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** What passes of one request. */
export interface Seen {
  readonly method: string
  /** Path with its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** What happens to a request, or to its answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly code?: string }
  /** The connection breaks before the store has seen anything. */
  | { readonly kind: 'reset' }
  /** The store does what it was asked, and the connection breaks before its answer. */
  | { readonly kind: 'lost' }
  /** Nothing ever comes back. */
  | { readonly kind: 'stall' }
  /** Half of the answer's body comes, then the connection breaks. */
  | { readonly kind: 'half' }
  /** Half of the answer's body comes, then nothing. */
  | { readonly kind: 'trickle' }
  /** One byte of the answer's body is another. */
  | { readonly kind: 'flip' }
  /** The answer has these headers too. */
  | { readonly kind: 'headers'; readonly headers: Readonly<Record<string, string>> }
  /** The whole request waits; the store gets it once this resolves, whether or not its sender still lives. */
  | { readonly kind: 'hold'; readonly until: Promise<void>; readonly answered?: () => void }
  /** The store is not asked. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers: Record<string, string>
      readonly body: Uint8Array
    }

export interface StoreProxy extends AsyncDisposable {
  readonly url: string
  /** Every request since the start. */
  readonly seen: Seen[]
  /** Bytes of bodies, both ways. */
  readonly bytes: { up: number; down: number }
  /** Decides on every request from now on. */
  intercept(decide: (seen: Seen) => Fault | null): void
  /** Lets everything pass again. */
  relax(): void
}

/** An HTTP proxy in front of a store that breaks what it is told to break. */
export async function startStoreProxy(target: string): Promise<StoreProxy> {
  const seen: Seen[] = []
  const bytes = { up: 0, down: 0 }
  let decide: (seen: Seen) => Fault | null = () => null
  const server = createServer((incoming, outgoing) => {
    const entry = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers }
    seen.push(entry)
    handle(target, { incoming, outgoing, fault: decide(entry), bytes }).catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    bytes,
    intercept: (next) => {
      decide = next
    },
    relax: () => {
      decide = () => null
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly fault: Fault | null
  readonly bytes: { up: number; down: number }
}

async function handle(target: string, { incoming, outgoing, fault, bytes }: Exchange): Promise<void> {
  if (fault?.kind === 'stall') return
  if (fault?.kind === 'reset') return void incoming.socket.resetAndDestroy()
  if (fault?.kind === 'status' || fault?.kind === 'answer') {
    incoming.resume()
    await new Promise((resolve) => incoming.once('end', resolve))
    if (fault.kind === 'answer') return void outgoing.writeHead(fault.status, fault.headers).end(fault.body)
    const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code ?? 'ServiceUnavailable'}</Code></Error>`
    return void outgoing.writeHead(fault.status, { 'content-type': 'application/xml' }).end(body)
  }
  if (fault?.kind === 'hold') return await hold(target, { incoming, outgoing, fault, bytes })
  const { method, headers, url } = incoming
  const upstream = request(`${target}${url ?? '/'}`, { method, headers }, (answer) => {
    if (fault?.kind === 'lost') {
      answer.resume()
      return void answer.once('end', () => incoming.socket.resetAndDestroy())
    }
    outgoing.writeHead(answer.statusCode ?? 502, {
      ...answer.headers,
      ...(fault?.kind === 'headers' ? fault.headers : {}),
    })
    const half = Math.floor(Number(answer.headers['content-length'] ?? 0) / 2)
    let passed = 0
    answer.on('data', (chunk: Buffer) => {
      bytes.down += chunk.length
      const isHalf = passed + chunk.length > half
      if (fault?.kind === 'flip' && passed === 0) chunk[0] = (chunk[0] ?? 0) ^ 1
      if ((fault?.kind === 'half' || fault?.kind === 'trickle') && isHalf) {
        if (passed < half) outgoing.write(chunk.subarray(0, half - passed))
        passed += chunk.length
        if (fault.kind === 'half') setTimeout(() => incoming.socket.resetAndDestroy(), 50)
        return
      }
      passed += chunk.length
      if (!outgoing.write(chunk)) {
        answer.pause()
        outgoing.once('drain', () => answer.resume())
      }
    })
    answer.once('end', () => {
      if (fault?.kind !== 'half' && fault?.kind !== 'trickle') outgoing.end()
    })
    answer.once('error', () => outgoing.destroy())
  })
  upstream.once('error', () => outgoing.destroy())
  // Interim answers are the store's to give.
  upstream.once('continue', () => outgoing.writeContinue())
  outgoing.once('close', () => upstream.destroy())
  incoming.on('data', (chunk: Buffer) => {
    bytes.up += chunk.length
  })
  incoming.pipe(upstream)
}

async function hold(target: string, { incoming, outgoing, fault, bytes }: Exchange): Promise<void> {
  if (fault?.kind !== 'hold') return
  // Whoever waits for permission to send the body has it.
  if (incoming.headers.expect !== undefined) outgoing.writeContinue()
  const pieces: Buffer[] = []
  for await (const piece of incoming) pieces.push(piece as Buffer)
  await fault.until
  const { method, headers, url } = incoming
  const upstream = request(`${target}${url ?? '/'}`, { method, headers }, (answer) => {
    if (!outgoing.destroyed) outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.on('data', (chunk: Buffer) => {
      bytes.down += chunk.length
      outgoing.write(chunk)
    })
    answer.once('end', () => {
      outgoing.end()
      fault.answered?.()
    })
  })
  upstream.once('error', () => outgoing.destroy())
  const body = Buffer.concat(pieces)
  bytes.up += body.length
  upstream.end(body)
}
