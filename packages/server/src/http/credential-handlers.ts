import { changeCredentials, noteRecoveryTest, readCredentials } from '../domain/accounts/credentials.ts'
import { loginHashOf, loginName } from '../domain/accounts/login.ts'
import { answerRegistration } from '../domain/accounts/opaque-record.ts'
import { finishRecovery, openRecovery, startRecovery } from '../domain/accounts/recovery.ts'
import { countAttempt, forgiveAttempts, type RateLimit } from '../domain/sessions/rate-limit.ts'
import type { Handlers } from './binder.ts'
import type { HandlerDeps } from './handler-deps.ts'

const MINUTE_MS = 60_000

/**
 * Whatever evaluates OPAQUE for a login name counts here: each evaluation lets its asker test one password against the
 * answer to a single login, registrations too.
 */
export const LOGINS_PER_NAME: RateLimit = { name: 'login-name', points: 30, windowMs: MINUTE_MS }
const RECOVERIES_PER_NAME: RateLimit = { name: 'recovery-name', points: 10, windowMs: MINUTE_MS }

type CredentialRoutes =
  | 'credentialsStart'
  | 'credentialsRead'
  | 'credentialsChange'
  | 'recoveryTested'
  | 'recoveryOpen'
  | 'recoveryStart'
  | 'recoveryFinish'

/** Handlers of password, login name and recovery key. */
export function credentialHandlers(deps: HandlerDeps): Pick<Handlers, CredentialRoutes> {
  const identifierOf = (login: string) => deps.setup.userIdentifier(loginName(login))
  return {
    credentialsStart: async ({ body }) => {
      const identifier = identifierOf(body.login)
      await countAttempt(deps, LOGINS_PER_NAME, identifier)
      return answerRegistration(deps, identifier, body.request)
    },
    credentialsRead: ({ session }) => readCredentials(deps, session),
    credentialsChange: async ({ body, session }) => {
      const versions = await changeCredentials(deps, session, body)
      await forgiveAttempts(deps, LOGINS_PER_NAME, await loginHashOf(deps, session.accountId))
      return { versions }
    },
    recoveryTested: async ({ session }) => {
      await noteRecoveryTest(deps, session)
      return {}
    },
    recoveryOpen: async ({ body }) => {
      const identifier = identifierOf(body.login)
      await countAttempt(deps, RECOVERIES_PER_NAME, identifier)
      const opened = await openRecovery(deps, body)
      await forgiveAttempts(deps, RECOVERIES_PER_NAME, identifier)
      return opened
    },
    recoveryStart: ({ body }) => startRecovery(deps, body),
    recoveryFinish: ({ body }) => finishRecovery(deps, body),
  }
}
