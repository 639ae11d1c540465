import { connect, type Socket } from 'node:net'

/** One request, ready to be written. */
export interface RawRequest {
  readonly bytes: Buffer
}

export interface RawAnswer {
  readonly status: number
  readonly body: Buffer
}

/** A request in bytes: what a load generator sends costs it next to nothing. */
export function rawRequest(
  host: string,
  input: { method: string; path: string; token?: Uint8Array; body?: unknown },
): RawRequest {
  const body = input.body === undefined ? '' : JSON.stringify(input.body)
  const lines = [`${input.method} ${input.path} HTTP/1.1`, `host: ${host}`]
  if (input.token !== undefined) lines.push(`authorization: Bearer ${Buffer.from(input.token).toString('base64url')}`)
  if (body !== '') lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`)
  return { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`) }
}

/** A connection that is kept and has one request under way at a time. */
export class RawConnection {
  readonly #socket: Socket
  #pieces: Buffer[] = []
  #waiting: { done: (answer: RawAnswer) => void; fail: (error: Error) => void } | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (piece) => this.#take(piece))
    socket.on('error', (error) => this.#waiting?.fail(error))
    socket.on('close', () => this.#waiting?.fail(new Error('the server closed the connection')))
  }

  static open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    return new Promise((done, fail) => {
      const socket = connect(Number(port), hostname, () => done(new RawConnection(socket)))
      socket.once('error', fail)
    })
  }

  ask({ bytes }: RawRequest): Promise<RawAnswer> {
    return new Promise((done, fail) => {
      this.#waiting = { done, fail }
      this.#socket.write(bytes)
    })
  }

  close(): void {
    this.#waiting = null
    this.#socket.destroy()
  }

  #take(piece: Buffer): void {
    this.#pieces.push(piece)
    const all = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces)
    const end = all.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = all.toString('latin1', 0, end)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (all.length < end + 4 + length) {
      this.#pieces = [all]
      return
    }
    this.#pieces = []
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.done({ status: Number(head.slice(9, 12)), body: all.subarray(end + 4, end + 4 + length) })
  }
}

/**
 * Sends requests over as many connections as there are queues, each queue in its order, and counts.
 *
 * @returns requests a second
 * @throws Error for an answer that `isRight` does not take
 */
export async function requestsPerSecond(
  url: string,
  queues: readonly (readonly RawRequest[])[],
  isRight: (answer: RawAnswer) => boolean = ({ status }) => status === 200,
): Promise<number> {
  const connections = await Promise.all(queues.map(() => RawConnection.open(url)))
  const begun = performance.now()
  await Promise.all(
    queues.map(async (queue, index) => {
      for (const request of queue) {
        const answer = await connections[index]?.ask(request)
        if (answer !== undefined && !isRight(answer)) {
          throw new Error(`the server answered ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`)
        }
      }
    }),
  )
  const seconds = (performance.now() - begun) / 1000
  for (const connection of connections) connection.close()
  return queues.reduce((sum, queue) => sum + queue.length, 0) / seconds
}
