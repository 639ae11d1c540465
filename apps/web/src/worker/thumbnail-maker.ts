/** Longest time for one picture; the worker that takes longer is ended. */
const MOST_MS = 30_000

export interface ThumbnailMaker {
  /** A thumbnail, padded; null where none can be made. One at a time. */
  make(picture: Blob): Promise<Uint8Array<ArrayBuffer> | null>
  /** Frees what decoding took; it may be used again. */
  rest(): void
}

/** Makes thumbnails in a worker of its own, which lives as long as there is work. */
export function thumbnailMaker(start: () => Worker): ThumbnailMaker {
  let worker: Worker | null = null
  let turn: Promise<unknown> = Promise.resolve()
  const rest = (): void => {
    worker?.terminate()
    worker = null
  }
  const makeNow = (picture: Blob): Promise<Uint8Array<ArrayBuffer> | null> => {
    worker ??= start()
    const busy = worker
    return new Promise((done) => {
      const end = (): void => {
        rest()
        done(null)
      }
      const timer = setTimeout(end, MOST_MS)
      busy.onmessage = ({ data }: MessageEvent<Uint8Array<ArrayBuffer> | null>) => {
        clearTimeout(timer)
        done(data)
      }
      busy.onerror = () => {
        clearTimeout(timer)
        end()
      }
      busy.postMessage(picture)
    })
  }
  return {
    make(picture) {
      const made = turn.then(() => makeNow(picture))
      turn = made
      return made
    },
    rest: () => {
      turn = turn.then(rest)
    },
  }
}
