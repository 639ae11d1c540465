import { client, server as opaque } from '@serenity-kit/opaque'
import type { ServerSetup } from '../keys/server-setup.ts'
import { attempt } from './login-state.ts'

/** OPAQUE's answer to the first registration message; the same for names that are taken. @throws ServerError `bad_request` */
export function answerRegistration(
  deps: { setup: ServerSetup },
  userIdentifier: string,
  request: string,
): { response: string } {
  const { registrationResponse } = attempt('bad_request', () =>
    opaque.createRegistrationResponse({
      serverSetup: deps.setup.opaqueSetup,
      userIdentifier,
      registrationRequest: request,
    }),
  )
  return { response: registrationResponse }
}

/** Refuses a record that no login could be answered from, by answering one. @throws ServerError `bad_request` */
export function checkRecord(deps: { setup: ServerSetup }, userIdentifier: string, record: string): void {
  attempt('bad_request', () =>
    opaque.startLogin({
      serverSetup: deps.setup.opaqueSetup,
      registrationRecord: record,
      startLoginRequest: client.startLogin({ password: '' }).startLoginRequest,
      userIdentifier,
      identifiers: { server: deps.setup.serverIdentifier },
    }),
  )
}
