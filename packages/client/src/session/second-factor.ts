import { ClientError } from '../errors.ts'
import { apiCode } from '../transport/api.ts'
import type { Credentials } from './types.ts'

/** Tries that a server gives to one login. */
const TRIES = 5

/**
 * Asks for a code and sends it, again as long as it is wrong and whoever is asked goes on.
 *
 * @throws ClientError `authentication`; `details.reason` is `second_factor_required` where nobody can be asked, or
 * `second_factor_failed`
 */
export async function showSecondFactor<T>(
  ask: Credentials['onSecondFactor'],
  send: (code: string) => Promise<T>,
): Promise<T> {
  if (ask === undefined) throw secondFactorError('second_factor_required')
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(await ask({ attempt }))
    } catch (error) {
      if (apiCode(error) === 'login_failed') throw loginOver(error)
      if (apiCode(error) !== 'second_factor_failed') throw error
      if (attempt >= TRIES) throw secondFactorError('second_factor_failed', error)
    }
  }
}

/** The stop for who lacks the second factor, or shows a wrong code. */
export function secondFactorError(
  reason: 'second_factor_required' | 'second_factor_failed',
  cause?: unknown,
): ClientError {
  const message =
    reason === 'second_factor_required'
      ? 'The account asks for a second factor.'
      : 'The code is wrong, too old, or was used before.'
  return new ClientError('authentication', message, { cause, details: { reason } })
}

function loginOver(cause: unknown): ClientError {
  const details = { reason: 'login_over' }
  return new ClientError('authentication', 'The code came too late, or after too many wrong ones.', { cause, details })
}
