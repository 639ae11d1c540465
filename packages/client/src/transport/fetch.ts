import { concat } from '@strongroom/crypto'
import { ClientError } from '../errors.ts'
import type { Transport } from '../ports.ts'

/** Transport over the platform's `fetch`: redirects are errors, no cache, cookies only where asked for. */
export function fetchTransport(fetchFunction: typeof fetch): Transport {
  return async (url, request) => {
    const init: RequestInit = {
      method: request.method,
      headers: request.headers,
      redirect: 'error',
      credentials: request.cookies === true ? 'same-origin' : 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      signal: request.signal ?? null,
    }
    const { body } = request
    const whole = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : concat(...body)
    // Reason for the cast: the DOM types ask for ArrayBuffer-backed views; shared memory is never passed here.
    if (whole !== undefined) init.body = whole as BodyInit
    const response = await guarded(request.signal, () => fetchFunction(url, init))
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      bytes: (maxLength, into) => guarded(request.signal, () => readAll(response, maxLength, into)),
    }
  }
}

async function readAll(
  response: Response,
  maxLength: number,
  into: Uint8Array<ArrayBuffer> | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const announced = Number(response.headers.get('content-length') ?? 'NaN')
  if (announced > maxLength) throw tooLong()
  if (response.body === null) return new Uint8Array(0)
  const reader = response.body.getReader()
  let buffer = into ?? new Uint8Array(Number.isNaN(announced) ? 64 * 1024 : announced)
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return buffer.subarray(0, length)
    if (length + value.length > maxLength) {
      await reader.cancel()
      throw tooLong()
    }
    if (length + value.length > buffer.length) {
      const larger = new Uint8Array(Math.min(maxLength, Math.max(buffer.length * 2, length + value.length)))
      larger.set(buffer.subarray(0, length))
      buffer = larger
    }
    buffer.set(value, length)
    length += value.length
  }
}

function tooLong(): ClientError {
  return new ClientError('server', 'The server answered more than the protocol allows.', {
    details: { reason: 'too_long' },
  })
}

async function guarded<T>(signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (cause instanceof ClientError) throw cause
    if (signal?.aborted) throw new ClientError('aborted', 'The operation was interrupted.', { cause })
    throw new ClientError('network', 'The server cannot be reached.', { cause })
  }
}
