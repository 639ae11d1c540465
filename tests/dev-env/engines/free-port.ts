import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the range that systems take ports of outgoing connections from, so that one stays free between two uses. */
const FIRST = 12_000
const LAST = 32_000

/** A port of 127.0.0.1 that nobody listens on, for programs that have to be told one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST)
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer()
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}
