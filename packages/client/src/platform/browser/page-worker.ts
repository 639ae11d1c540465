import type { StartWorker } from '../../workers/remote-worker.ts'

/** Starts browser workers that `make` makes; the page knows where its scripts are. */
export function startPageWorker(make: () => Worker): StartWorker {
  return (listeners) => {
    const worker = make()
    worker.onmessage = ({ data }: MessageEvent) => listeners.message(data)
    worker.onerror = (event) => {
      event.preventDefault()
      listeners.ended(undefined)
    }
    return {
      post: (message, transfer) => worker.postMessage(message, [...transfer]),
      busy: () => undefined,
      async end() {
        worker.terminate()
      },
    }
  }
}
