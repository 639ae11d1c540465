/** What the other end of a download's port says; `ready` once, before it asks for anything. */
type Asked = 'ready' | 'pull' | 'cancel'

export interface Pumping {
  readonly abort: AbortController
  /** Comes when nobody wants the rest. */
  readonly stopped?: Promise<void>
  readonly ready?: () => void
  readonly taken?: (bytes: number) => void
}

/**
 * Answers pulls on a port, until everything was taken or its other end has had enough.
 *
 * @returns how it ended: `failed` where the other end was lost
 * @throws whatever reading throws
 */
export function pump(
  port: MessagePort,
  chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>,
  { abort, stopped, ready, taken }: Pumping,
): Promise<'done' | 'failed' | 'cancelled'> {
  return new Promise((done, fail) => {
    let isOver = false
    const end = (): boolean => {
      const isFirst = !isOver
      isOver = true
      return isFirst
    }
    const drop = (outcome: 'failed' | 'cancelled'): void => {
      if (!end()) return
      abort.abort()
      // What was fetched ahead is let go, and the key forgotten, only when the generator is told so.
      void chunks.return(undefined).catch(() => undefined)
      done(outcome)
    }
    const answer = ({ done: isLast, value }: IteratorResult<Uint8Array<ArrayBuffer>, unknown>): void => {
      if (isOver) return
      if (isLast) {
        end()
        port.postMessage(null)
        done('done')
        return
      }
      const { length } = value
      port.postMessage(value, [value.buffer])
      taken?.(length)
    }
    const refuse = (error: unknown): void => {
      if (!end()) return
      port.postMessage('failed')
      fail(error)
    }
    void stopped?.then(() => {
      if (!isOver) port.postMessage('failed')
      drop('cancelled')
    })
    // Reason: a service worker that is ended in the middle says nothing; browsers that notice tell it by this event.
    port.addEventListener('close', () => drop('failed'))
    port.onmessage = ({ data }: MessageEvent<Asked>) => {
      if (data === 'ready') ready?.()
      else if (data === 'cancel') {
        drop('cancelled')
        port.close()
      } else void chunks.next().then(answer, refuse)
    }
  })
}
