import { Worker } from 'node:worker_threads'
import type { StartWorker } from '../../workers/remote-worker.ts'

/** Starts threads of Node from a bundled entry. */
export function startThread(entry: URL): StartWorker {
  return (listeners) => {
    const worker = new Worker(entry)
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
