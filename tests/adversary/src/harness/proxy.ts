import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the client sent it. */
export interface SeenRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Names and values in turn, as on the wire. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface Answer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export interface Exchange {
  readonly request: SeenRequest
  /** What the client got; null where the connection was cut. */
  readonly answer: Answer | null
}

/** What stands between client and server does with an exchange. */
export interface Lie {
  /** Answers in the server's place; null lets the request (or the one returned) through. */
  request?(request: SeenRequest): Answer | SeenRequest | null
  /** Changes the server's answer; null cuts the connection. */
  answer?(request: SeenRequest, answer: Answer): Answer | null | Promise<Answer | null>
}

export interface LyingProxy extends AsyncDisposable {
  readonly url: string
  /** Everything that went through since the last `forget`. */
  readonly exchanges: readonly Exchange[]
  /** Sets the lie; null forwards faithfully. */
  tell(lie: Lie | null): void
  forget(): void
}

// Hop-by-hop, or computed anew from the body that is sent on.
const DROPPED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'expect'])

/** An HTTP proxy in front of one server: it records whole exchanges, and lies on demand. */
export async function startProxy(upstream: string): Promise<LyingProxy> {
  const exchanges: Exchange[] = []
  let lie: Lie | null = null
  const server = createServer((incoming, outgoing) => {
    handle(upstream, lie, incoming, outgoing, exchanges).catch(() => incoming.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    exchanges,
    tell: (next) => {
      lie = next
    },
    forget: () => exchanges.splice(0),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function handle(
  upstream: string,
  lie: Lie | null,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  exchanges: Exchange[],
): Promise<void> {
  const request: SeenRequest = {
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    rawHeaders: incoming.rawHeaders,
    body: await readAll(incoming),
  }
  const reply = lie?.request?.(request) ?? request
  let answer: Answer | null = 'status' in reply ? reply : await forward(upstream, reply)
  if (lie?.answer !== undefined && !('status' in reply)) answer = await lie.answer(request, answer)
  exchanges.push({ request, answer })
  if (answer === null) {
    incoming.socket.destroy()
    return
  }
  const headers = keep(answer.rawHeaders)
  const hasBody = request.method !== 'HEAD' && answer.status !== 204 && answer.status !== 304
  if (hasBody) headers.push('content-length', String(answer.body.length))
  outgoing.writeHead(answer.status, headers)
  outgoing.end(hasBody ? answer.body : undefined)
}

function forward(upstream: string, request: SeenRequest): Promise<Answer> {
  const target = new URL(upstream)
  const headers = keep(request.rawHeaders)
  if (request.body.length > 0 || request.method !== 'GET') headers.push('content-length', String(request.body.length))
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: target.hostname, port: target.port, method: request.method, path: request.path, headers, agent: false },
      (response) => {
        readAll(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, rawHeaders: response.rawHeaders, body }),
          reject,
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(request.body)
  })
}

function keep(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!DROPPED.has(name.toLowerCase())) kept.push(name, rawHeaders[index + 1] ?? '')
  }
  return kept
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** All bytes of an exchange, both directions: lines, headers and bodies. */
export function bytesOf(exchange: Exchange): Buffer {
  const { request, answer } = exchange
  return Buffer.concat([
    Buffer.from(`${request.method} ${request.path}\n${request.rawHeaders.join('\n')}\n\n`, 'latin1'),
    request.body,
    Buffer.from(answer === null ? '' : `\n${answer.status}\n${answer.rawHeaders.join('\n')}\n\n`, 'latin1'),
    answer?.body ?? Buffer.alloc(0),
  ])
}

/** An answer with a JSON body. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return {
    status,
    rawHeaders: ['content-type', 'application/json; charset=utf-8'],
    body: Buffer.from(JSON.stringify(value), 'utf8'),
  }
}

/** The answer with its JSON body changed in place by `change`. */
export function editJson(answer: Answer, change: (body: never) => void): Answer {
  const body: unknown = JSON.parse(answer.body.toString('utf8'))
  change(body as never) // Callers name the type that the route's answer has.
  return { ...answer, body: Buffer.from(JSON.stringify(body), 'utf8') }
}
