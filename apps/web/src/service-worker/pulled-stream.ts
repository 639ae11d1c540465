/** Chunks that are asked for before they are taken, so that whoever decrypts and the disk need not wait for each other. */
export const AHEAD = 8

/**
 * The bytes that come through a port, one chunk for each `pull`: null after the last, `failed` where there will be no more.
 *
 * @param passed - told the length of each chunk
 */
export function pulledStream(port: MessagePort, passed: (length: number) => void): ReadableStream<Uint8Array> {
  let asked = 0
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        port.onmessage = ({ data }: MessageEvent<Uint8Array | null | 'failed'>) => {
          asked -= 1
          if (data === null) {
            controller.close()
            port.close()
          } else if (data === 'failed') {
            port.onmessage = null
            controller.error(new Error('the download failed'))
          } else {
            controller.enqueue(data)
            passed(data.length)
          }
        }
      },
      pull({ desiredSize }) {
        for (; asked < (desiredSize ?? 0); asked += 1) port.postMessage('pull')
      },
      cancel() {
        // Chunks that were asked for may still come.
        port.onmessage = null
        port.postMessage('cancel')
      },
    },
    { highWaterMark: AHEAD },
  )
}
