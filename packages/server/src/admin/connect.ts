import { connect, type Socket } from 'node:net'
import { AdminError } from './errors.ts'
import type { Json } from './operation.ts'
import type { AdminRequest } from './run.ts'
import { withShortPath } from './socket-path.ts'
import { ADMIN_VERSION, ANSWER_LINE_BYTES, answerLine, parseLine, readLines, writeLine } from './wire.ts'

/** What a caller wants to hear. */
export interface AdminListener {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((value: Json) => void) | undefined
  /** Waited for before the next item is taken. */
  readonly onItem?: ((value: Json) => Promise<void> | void) | undefined
}

/** @throws the system's error, ENOENT or ECONNREFUSED where no server listens */
export function connectSocket(path: string): Promise<Socket> {
  return withShortPath(
    path,
    (short) =>
      new Promise<Socket>((resolve, reject) => {
        const socket = connect(short)
        socket.once('error', reject)
        socket.once('connect', () => {
          socket.off('error', reject)
          socket.on('error', () => undefined)
          resolve(socket)
        })
      }),
  )
}

/**
 * Calls an operation on the server behind a socket and returns its result.
 *
 * @throws AdminError, also `unavailable` when the server ends before it has answered
 */
export async function callSocket(socket: Socket, request: AdminRequest, listener: AdminListener): Promise<unknown> {
  const { signal } = listener
  const interrupted = () => new AdminError('interrupted', 'The operation was interrupted.')
  if (signal?.aborted) throw interrupted()
  const stop = () => socket.destroy()
  signal?.addEventListener('abort', stop)
  try {
    await writeLine(socket, { version: ADMIN_VERSION, ...request })
    for await (const line of readLines(socket, ANSWER_LINE_BYTES)) {
      const answer = parseLine(answerLine, line)
      if (answer === null) throw new AdminError('upgrade_required', 'The server answers in another way; restart it.')
      if ('progress' in answer) listener.onProgress?.(answer.progress)
      else if ('item' in answer) await listener.onItem?.(answer.item)
      else if ('error' in answer) throw new AdminError(answer.error.code, answer.error.message)
      else return answer.result
    }
  } catch (error) {
    if (signal?.aborted) throw interrupted()
    if (error instanceof AdminError) throw error
    throw new AdminError('unavailable', 'The server ended before it had answered; start it and try again.', {
      cause: error,
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    socket.destroy()
  }
  if (signal?.aborted) throw interrupted()
  throw new AdminError('unavailable', 'The server ended before it had answered; start it and try again.')
}
