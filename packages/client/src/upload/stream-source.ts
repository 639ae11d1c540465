import { concat } from '@strongroom/crypto'
import { memorySource } from '../content/memory-source.ts'
import { ClientError } from '../errors.ts'
import type { FileSource, StreamSource } from '../ports.ts'

/** Bytes up to which a stream is kept, so that it can be sent again and with its reservation. */
const KEPT_BYTES = 4 * 1024 * 1024

/**
 * What to upload of a stream: all of it in memory where it is short, which can be read again, else the stream itself.
 * Either way the signal ends the wait for more bytes with `aborted`.
 */
export async function openStream(source: StreamSource, signal: AbortSignal | undefined): Promise<FileSource> {
  const chunks = interruptible(source.chunks(), signal)[Symbol.asyncIterator]()
  const kept: Uint8Array[] = []
  let length = 0
  while (length <= KEPT_BYTES) {
    const { done, value } = await chunks.next()
    if (done) return { ...memorySource(concat(...kept), source.mtimeMs), mode: source.mode }
    // Reason: whoever makes the chunks may use their memory again.
    kept.push(value.slice())
    length += value.length
  }
  return { ...source, chunks: () => after(kept, chunks) }
}

async function* after(kept: Uint8Array[], chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (let chunk = kept.shift(); chunk !== undefined; chunk = kept.shift()) yield chunk
    yield* chunks
  } finally {
    await chunks.return(undefined)
  }
}

async function* interruptible(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  let fail: (error: unknown) => void = () => undefined
  const interrupt = (): void => fail(new ClientError('aborted', 'The operation was interrupted.'))
  signal?.addEventListener('abort', interrupt, { once: true })
  let ended = false
  try {
    for (;;) {
      // Reason for no race against one promise of the whole stream: that would hold every chunk until its end.
      const { done, value } = await new Promise<IteratorResult<Uint8Array>>((next, stop) => {
        fail = stop
        if (signal?.aborted) interrupt()
        else iterator.next().then(next, stop)
      })
      ended = done === true
      if (done) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', interrupt)
    // Reason for not waiting: a source that gives nothing does not end either.
    if (!ended) void Promise.resolve(iterator.return?.()).catch(() => undefined)
  }
}
