import { Worker } from 'node:worker_threads'
import type { StartWorker } from '../../workers/remote-worker.ts'

/** What a thread that is started ahead finds as its `workerData`. */
export const STARTED_AHEAD = 'ahead'

/** Threads that nobody has asked for yet, by their entry. */
const waiting = new Map<string, () => Worker>()

/**
 * Starts a thread that will be asked for, while the program loads what asks. It keeps no program alive.
 *
 * @param started - such a thread, with `STARTED_AHEAD` for its `workerData`, that was started before even this was loaded
 */
export function startAhead(entry: URL, started?: Worker): void {
  // It had ended before anybody could listen.
  if (started?.threadId === -1) return
  const worker = started ?? new Worker(entry, { workerData: STARTED_AHEAD })
  worker.unref()
  // One that ends before it is asked for is begun anew, and then tells why.
  const failed = (): void => undefined
  const ended = (): void => void waiting.delete(entry.href)
  worker.on('error', failed).on('exit', ended)
  waiting.set(entry.href, () => {
    waiting.delete(entry.href)
    worker.off('error', failed).off('exit', ended).ref()
    return worker
  })
}

/** Starts threads of Node from a bundled entry, or takes one that was started ahead. */
export function startThread(entry: URL): StartWorker {
  return (listeners) => {
    const worker = waiting.get(entry.href)?.() ?? new Worker(entry)
    worker.on('message', listeners.message)
    worker.on('error', listeners.ended)
    worker.on('exit', () => listeners.ended(undefined))
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      busy: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
      async end() {
        worker.removeAllListeners('exit')
        await worker.terminate()
      },
    }
  }
}
