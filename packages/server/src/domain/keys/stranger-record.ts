import { client, server as opaque } from '@serenity-kit/opaque'
import type { Random } from '../../ports/index.ts'

/** No one ever stretches this password again, so it is done as fast as the library can. */
const FASTEST = { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } } as const

/**
 * An OPAQUE record of nobody, under a random password that is forgotten here: what a login with an unknown name is
 * answered from.
 *
 * Reason: the library has fake records of its own, and leaves out for them what it does to read a real one. That took
 * 8 µs, enough to tell known names from others in some thousand tries. This one is read like all others.
 */
export function strangerRecord(random: Random, serverSetup: string): string {
  const password = Buffer.from(random.bytes(32)).toString('base64url')
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
  const { registrationResponse } = opaque.createRegistrationResponse({
    serverSetup,
    userIdentifier: 'nobody',
    registrationRequest,
  })
  return client.finishRegistration({
    clientRegistrationState,
    registrationResponse,
    password,
    keyStretching: FASTEST,
  }).registrationRecord
}
