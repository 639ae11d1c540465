import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request that came to the proxy. */
export interface Passed {
  readonly method: string
  /** Path with its query. */
  readonly path: string
  /** Bytes of its body that went on. */
  sent: number
  /** Bytes of the answer's body that went back. */
  received: number
}

/** What happens to the n-th request that matches, or to every one, after which the connection is cut. */
export interface Fault {
  readonly matches: (request: Pick<Passed, 'method' | 'path'>) => boolean
  /** 1 is the first. */
  readonly nth: number | 'every'
  /**
   * Before the server sees it, when it has half of the body, when it has answered and the client does not know, or when
   * the client has half of the answer.
   */
  readonly at: 'seen' | 'half' | 'answered' | 'answering'
  readonly act?: () => Promise<void> | void
}

/** An HTTP proxy in front of one server, which notes what passes and lets things go wrong. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  readonly passed: readonly Passed[]
  forget(): void
  /** Plans a fault in place of an earlier one. `happened` resolves once it was acted on. */
  plan(fault: Fault | null): { readonly happened: Promise<void> }
}

export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const passed: Passed[] = []
  let planned: Planned | null = null
  const server = createServer((incoming, outgoing) => {
    const entry: Passed = { method: incoming.method ?? '', path: incoming.url ?? '', sent: 0, received: 0 }
    passed.push(entry)
    const fault = planned?.take(entry) ?? null
    forward(upstream, { incoming, outgoing, entry, fault })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // Listening on a port.
  return {
    url: `http://127.0.0.1:${port}`,
    passed,
    forget: () => {
      passed.length = 0
    },
    plan(fault) {
      planned = fault === null ? null : new Planned(fault)
      return { happened: planned?.happened ?? Promise.resolve() }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

class Planned {
  readonly happened: Promise<void>
  readonly #fault: Fault
  #seen = 0
  #done: () => void = () => undefined

  constructor(fault: Fault) {
    this.#fault = fault
    this.happened = new Promise((resolve) => {
      this.#done = resolve
    })
  }

  take(entry: Passed): Due | null {
    if (!this.#fault.matches(entry)) return null
    this.#seen += 1
    if (this.#fault.nth !== 'every' && this.#seen !== this.#fault.nth) return null
    const { at, act } = this.#fault
    return { at, act: async () => await act?.(), done: this.#done }
  }
}

interface Due {
  readonly at: Fault['at']
  readonly act: () => Promise<void>
  readonly done: () => void
}

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly entry: Passed
  readonly fault: Due | null
}

function forward(upstream: string, { incoming, outgoing, entry, fault }: Exchange): void {
  const strike = async () => {
    await fault?.act()
    incoming.socket.destroy()
    fault?.done()
  }
  if (fault?.at === 'seen') {
    incoming.pause()
    void strike()
    return
  }
  const { method, headers } = incoming
  const further = request(`${upstream}${entry.path}`, { method, headers, agent: false }, (answer) => {
    if (fault?.at === 'answered') {
      answer.resume()
      answer.once('end', () => void strike())
      return
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    const halfOfAnswer = Number(answer.headers['content-length'] ?? 0) / 2
    let isCut = false
    answer.on('data', (chunk: Buffer) => {
      entry.received += chunk.length
      if (fault?.at !== 'answering' || isCut || entry.received < halfOfAnswer) return
      isCut = true
      answer.unpipe(outgoing)
      void strike()
    })
    answer.once('error', () => outgoing.destroy())
    answer.pipe(outgoing)
  })
  further.once('error', () => incoming.socket.destroy())
  outgoing.once('close', () => further.destroy())
  const half = Number(headers['content-length'] ?? 0) / 2
  let struck = false
  incoming.on('data', (chunk: Buffer) => {
    entry.sent += chunk.length
    if (fault?.at !== 'half' || struck || entry.sent < half) return
    struck = true
    incoming.unpipe(further)
    void strike().then(() => further.destroy())
  })
  incoming.pipe(further)
}
