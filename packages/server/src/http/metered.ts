import { ServerError } from '../domain/errors.ts'
import type { Meter } from '../ports/index.ts'
import type { Handlers } from './binder.ts'

/** The same handlers, which count what an operator watches. */
export function meteredHandlers(handlers: Handlers, meter: Meter): Handlers {
  /** A login's last message, which is refused by an error. */
  const login = async <Answer extends object>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      const given = await answer
      meter.count('logins', { outcome: 'secondFactor' in given ? 'second_factor' : 'signed_in' })
      return given
    } catch (error) {
      const code = error instanceof ServerError ? error.code : null
      if (code === 'login_failed' || code === 'second_factor_failed') meter.count('logins', { outcome: 'refused' })
      throw error
    }
  }
  return {
    ...handlers,
    loginFinish: (call) => login(handlers.loginFinish(call)),
    loginSecondFactor: (call) => login(handlers.loginSecondFactor(call)),
    registerFinish: async (call) => {
      const answer = await handlers.registerFinish(call)
      meter.count('registrations', {})
      return answer
    },
    commitAppend: async (call) => {
      const answer = await handlers.commitAppend(call)
      meter.count('commits', {})
      return answer
    },
  }
}
