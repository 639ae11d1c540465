import { ClientError } from '../errors.ts'

export interface LastRequest<T> {
  /** What it changes, for people: "the password". */
  readonly what: string
  readonly signal: AbortSignal | undefined
  /** The last request of a change; not repeated. */
  send(): Promise<T>
  /** What `send` would have given, where the account has the new secret; null where it has not. A server must not be able to make that up. */
  found(): Promise<T | null>
}

/**
 * Sends the last request of a change of secrets. When its answer is lost, it finds out which secret counts.
 *
 * @throws ClientError `network` with `details.reason` `not_changed`, or `outcome_unknown` when that cannot be found out
 * (then `aborted` keeps its code)
 */
export async function settleLostAnswer<T>({ what, signal, send, found }: LastRequest<T>): Promise<T> {
  try {
    return await send()
  } catch (cause) {
    if (!isLost(cause)) throw cause
    if (signal?.aborted) throw unknown('aborted', what, cause)
    let done: T | null
    try {
      done = await found()
    } catch (error) {
      throw unknown(signal?.aborted ? 'aborted' : 'network', what, error)
    }
    if (done !== null) return done
    throw new ClientError('network', `The server was lost before ${what} was changed; the old one still counts.`, {
      cause,
      details: { reason: 'not_changed' },
    })
  }
}

/** Whether the request may have been done although it failed here. */
function isLost(error: unknown): error is ClientError {
  return error instanceof ClientError && ['network', 'server', 'aborted'].includes(error.code)
}

function unknown(code: 'network' | 'aborted', what: string, cause: unknown): ClientError {
  const message = `It is not known whether ${what} was changed: try the new one first, then the old one.`
  return new ClientError(code, message, { cause, details: { reason: 'outcome_unknown' } })
}

/**
 * Runs what follows on a change that the server has made.
 *
 * @throws ClientError with the code of what failed and `details.reason` `changed`: the new secrets count nevertheless
 */
export async function afterChange<T>(what: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause
    const details = { ...cause.details, reason: 'changed' }
    throw new ClientError(cause.code, `${what}, but this device could not go on: ${cause.message}`, { cause, details })
  }
}
