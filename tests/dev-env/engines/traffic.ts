import { connect, createServer, type Socket } from 'node:net'

/** Every byte of every connection through it, headers included. */
export interface TrafficMeter extends AsyncDisposable {
  readonly url: string
  readonly bytes: { toServer: number; fromServer: number }
}

/** A TCP proxy that counts what passes; where it leads to is asked at every connection. */
export async function startTrafficMeter(target: () => string): Promise<TrafficMeter> {
  const bytes = { toServer: 0, fromServer: 0 }
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const { hostname, port } = new URL(target())
    const far = connect(Number(port), hostname)
    for (const [from, to, count] of [
      [near, far, (length: number) => (bytes.toServer += length)],
      [far, near, (length: number) => (bytes.fromServer += length)],
    ] as const) {
      open.add(from)
      from.on('data', (chunk: Buffer) => count(chunk.length))
      from.pipe(to)
      from.once('error', () => to.destroy())
      from.once('close', () => {
        open.delete(from)
        to.end()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the meter has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    bytes,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
