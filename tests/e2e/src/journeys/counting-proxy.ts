import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** One request that passed. */
export interface Passed {
  method: string
  /** Path with its query. */
  path: string
  /** Bytes of the request's body. */
  sent: number
}

export interface ProxyOptions {
  /** Answers a request itself and returns true, or returns false to let it pass. */
  answer?: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean
}

/** An HTTP proxy in front of one server that notes what passes. Point it at the server with `forwardTo`. */
export class CountingProxy implements AsyncDisposable {
  readonly url: string
  readonly passed: Passed[] = []
  #target = ''
  readonly #close: () => Promise<void>

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url
    this.#close = close
  }

  static async start(options: ProxyOptions = {}): Promise<CountingProxy> {
    const server = createServer((incoming, outgoing) => {
      if (options.answer?.(incoming, outgoing)) return
      proxy.#forward(incoming, outgoing)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve())
    })
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port.')
    const proxy = new CountingProxy(`http://127.0.0.1:${address.port}`, () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    })
    return proxy
  }

  forwardTo(target: string): void {
    this.#target = target
  }

  /** Requests since the last call that match, and forgets them. */
  take(method?: string, path?: RegExp): Passed[] {
    const taken = this.passed.splice(0)
    return taken.filter((entry) => (method ?? entry.method) === entry.method && (path?.test(entry.path) ?? true))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const entry: Passed = { method: incoming.method ?? '', path: incoming.url ?? '', sent: 0 }
    this.passed.push(entry)
    const { method, headers } = incoming
    const upstream = request(`${this.#target}${incoming.url ?? '/'}`, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
      answer.once('error', () => outgoing.destroy())
    })
    upstream.once('error', () => outgoing.destroy())
    outgoing.once('close', () => upstream.destroy())
    incoming.on('data', (chunk: Buffer) => {
      entry.sent += chunk.length
    })
    incoming.pipe(upstream)
  }
}
