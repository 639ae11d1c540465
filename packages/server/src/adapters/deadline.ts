/** What was asked did not answer in time. */
export class DeadlineError extends Error {
  constructor() {
    super('no answer in time')
    this.name = 'DeadlineError'
  }
}

/**
 * Gives up on a request after `ms`, whatever state it is in.
 *
 * Reason: the AWS SDK's own limits end with the headers of an answer; one whose body never comes would wait forever.
 */
export async function withDeadline<T>(ms: number, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const gone = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError())
      gone.abort()
    }, ms)
  })
  try {
    return await Promise.race([request(gone.signal), late])
  } finally {
    clearTimeout(timer)
  }
}
