import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * The id under which a request is logged and answered: the one that a proxy has given it in `X-Request-Id`, where it is
 * 8 to 64 letters, digits, `-` and `_`; else one of our own.
 */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  if (typeof given === 'string' && /^[A-Za-z0-9_-]{8,64}$/.test(given)) return given
  return randomBytes(8).toString('hex')
}
