import { ClientError } from '../errors.ts'
import type { Clock } from '../ports.ts'

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((done, fail) => {
      const stop = () => {
        clearTimeout(timer)
        fail(new ClientError('aborted', 'The operation was interrupted.'))
      }
      if (signal?.aborted) return fail(new ClientError('aborted', 'The operation was interrupted.'))
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop)
        done()
      }, ms)
      signal?.addEventListener('abort', stop, { once: true })
    }),
}
