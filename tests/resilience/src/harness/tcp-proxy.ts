import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a TCP server that breaks, hangs and refuses. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number
  /** Breaks every connection, whatever is under way on it. */
  cut(): void
  /** Lets nothing pass in either direction for so long, without breaking anything. */
  hang(ms: number): Promise<void>
  /** Takes no connection until it is false again. */
  refusing: boolean
}

export async function startTcpProxy(upstream: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let refusing = false
  const server = createServer((incoming) => {
    if (refusing) return void incoming.resetAndDestroy()
    const further = connect(upstream)
    const pair = [incoming, further] as const
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      for (const socket of pair) socket.destroy()
    }
    for (const socket of pair) {
      socket.setNoDelay(true)
      socket.once('error', end)
      socket.once('close', end)
    }
    incoming.pipe(further)
    further.pipe(incoming)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // Listening on a port.
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
  }
  return {
    port,
    cut,
    async hang(ms) {
      const held = [...pairs]
      for (const [incoming, further] of held) {
        incoming.unpipe(further)
        further.unpipe(incoming)
      }
      await new Promise((resolve) => setTimeout(resolve, ms))
      for (const [incoming, further] of held) {
        incoming.pipe(further)
        further.pipe(incoming)
      }
    },
    get refusing() {
      return refusing
    },
    set refusing(next) {
      refusing = next
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
