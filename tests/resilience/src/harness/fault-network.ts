import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What goes wrong with one request, and what whoever sent it sees: `refused` (no answer, nothing was done), `cut` (half
 * of it arrives, no answer), `lost` (it is done, the answer is lost), `torn` (half of the answer), `twice` (done twice,
 * at once), `late` (no answer; it arrives after the sender has moved on), `stall` (silence, nothing is done), `slow` (in
 * pieces), a number (a status, and nothing was done).
 */
export type Trouble = 'refused' | 'cut' | 'lost' | 'torn' | 'twice' | 'late' | 'stall' | 'slow' | 500 | 502 | 503

/** A request on its way. */
export interface Passing {
  readonly method: string
  /** Path with its query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

/** An answer that the network did not make up. */
export interface Answered extends Passing {
  readonly status: number
  readonly body: Buffer
}

export interface NetworkOptions {
  /** Origins that may be asked; the next one where a connection is refused. Asked for each request. */
  readonly upstreams: () => readonly string[]
  /** What happens to a request; null: nothing. */
  readonly trouble: (passing: Passing) => Trouble | null
  readonly onAnswer?: (answered: Answered) => void
  /** Port to listen on; a free one unless given. */
  readonly port?: number
}

/** A way between clients and servers on which anything can happen, balanced over several servers. */
export interface FaultNetwork extends AsyncDisposable {
  readonly url: string
  /** Requests that met trouble, by its kind. */
  readonly met: ReadonlyMap<string, number>
}

/** How long a request that is late keeps everyone waiting, in milliseconds. */
const LATE_MS = 400
const SLOW_PIECES = 8
const SLOW_MS = 20

export async function startFaultNetwork(options: NetworkOptions): Promise<FaultNetwork> {
  const met = new Map<string, number>()
  const agent = new Agent({ keepAlive: true, maxSockets: 128, scheduling: 'lifo' })
  let turn = 0
  const server = createServer((incoming, outgoing) => {
    turn += 1
    const passing = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers }
    const trouble = options.trouble(passing)
    if (trouble !== null) met.set(String(trouble), (met.get(String(trouble)) ?? 0) + 1)
    const exchange = { ...options, agent, passing, trouble, first: turn }
    carry(exchange, incoming, outgoing).catch(() => incoming.socket.destroy())
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // Listening on a port.
  return {
    url: `http://127.0.0.1:${port}`,
    met,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Exchange extends Pick<NetworkOptions, 'upstreams' | 'onAnswer'> {
  readonly agent: Agent
  readonly passing: Passing
  readonly trouble: Trouble | null
  /** Which of the upstreams comes first. */
  readonly first: number
}

interface Whole {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

async function carry(exchange: Exchange, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { trouble } = exchange
  const cut = () => incoming.socket.destroy()
  if (trouble === 'refused') return void cut()
  const body = await readAll(incoming)
  if (typeof trouble === 'number') return refuse(outgoing, trouble)
  switch (trouble) {
    case 'stall':
      return
    case 'cut':
      await ask(exchange, body, { half: true }).catch(() => undefined)
      return void cut()
    case 'late':
      cut()
      await sleep(LATE_MS)
      await ask(exchange, body, {}).catch(() => undefined)
      return
    case 'lost':
      await ask(exchange, body, {})
      return void cut()
    default:
  }
  const asked = ask(exchange, body, {})
  if (trouble === 'twice') void ask(exchange, body, {}).catch(() => undefined)
  const answer = await asked
  exchange.onAnswer?.({ ...exchange.passing, status: answer.status, body: answer.body })
  if (outgoing.destroyed) return
  outgoing.writeHead(answer.status, plain(answer.headers))
  if (trouble === 'torn' && answer.body.length > 1) {
    outgoing.write(answer.body.subarray(0, answer.body.length / 2), cut)
  } else if (trouble === 'torn') cut()
  else if (trouble === 'slow') await dribble(outgoing, answer.body)
  else outgoing.end(answer.body)
}

function refuse(outgoing: ServerResponse, status: number): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain' })
  outgoing.end('the network says no')
}

async function dribble(outgoing: ServerResponse, body: Buffer): Promise<void> {
  const piece = Math.max(1, Math.ceil(body.length / SLOW_PIECES))
  for (let at = 0; at < body.length; at += piece) {
    outgoing.write(body.subarray(at, at + piece))
    await sleep(SLOW_MS)
  }
  outgoing.end()
}

function plain(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _c, 'keep-alive': _k, 'transfer-encoding': _t, ...rest } = headers
  return rest
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** Asks one upstream after the other, as long as they take no connection. */
async function ask(exchange: Exchange, body: Buffer, how: { half?: boolean }): Promise<Whole> {
  const origins = exchange.upstreams()
  for (let index = 0; index < origins.length; index += 1) {
    const origin = origins[(exchange.first + index) % origins.length] ?? ''
    try {
      return await askOne(exchange, origin, body, how)
    } catch (error) {
      if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error
    }
  }
  return { status: 503, headers: { 'content-type': 'text/plain' }, body: Buffer.from('no server is up') }
}

function askOne(
  { agent, passing }: Exchange,
  origin: string,
  body: Buffer,
  { half = false }: { half?: boolean },
): Promise<Whole> {
  return new Promise((resolve, reject) => {
    const headers = { ...passing.headers, 'content-length': String(body.length) }
    for (const name of ['transfer-encoding', 'expect']) delete (headers as IncomingHttpHeaders)[name]
    const { method } = passing
    const further = request(`${origin}${passing.path}`, { method, headers, agent: half ? false : agent }, (answer) => {
      readAll(answer).then(
        (whole) => resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: whole }),
        reject,
      )
    })
    further.once('error', reject)
    if (!half) return void further.end(body)
    further.write(body.subarray(0, body.length / 2), () => {
      further.destroy()
      reject(new Error('cut'))
    })
  })
}
