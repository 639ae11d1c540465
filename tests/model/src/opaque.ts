import { client, ready } from '@serenity-kit/opaque'
import type { OpaqueClient } from '@strongroom/client'

// Low on purpose: nothing here is guessed at, and every example makes accounts.
const STRETCHING = { 'argon2id-custom': { iterations: 1, memory: 64, parallelism: 1 } } as const

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

/** The real OPAQUE with a stretching that takes no time. */
export function quickOpaque(): OpaqueClient {
  return {
    async startRegistration(password) {
      await ready
      const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
      return { state: clientRegistrationState, request: registrationRequest }
    },
    async finishRegistration({ password, state, response, serverIdentifier }) {
      const done = client.finishRegistration({
        password,
        clientRegistrationState: state,
        registrationResponse: response,
        identifiers: { server: serverIdentifier },
        keyStretching: STRETCHING,
      })
      const { registrationRecord: record, exportKey, serverStaticPublicKey } = done
      return { record, exportKey: bytes(exportKey), serverPublicKey: bytes(serverStaticPublicKey) }
    },
    async startLogin(password) {
      await ready
      const { clientLoginState, startLoginRequest } = client.startLogin({ password })
      return { state: clientLoginState, request: startLoginRequest }
    },
    async finishLogin({ password, state, response, serverIdentifier }) {
      const done = client.finishLogin({
        password,
        clientLoginState: state,
        loginResponse: response,
        identifiers: { server: serverIdentifier },
        keyStretching: STRETCHING,
      })
      if (done === undefined) return null
      const { finishLoginRequest: request, exportKey, serverStaticPublicKey } = done
      return { request, exportKey: bytes(exportKey), serverPublicKey: bytes(serverStaticPublicKey) }
    },
    hasMemory: async () => true,
    async close() {},
  }
}
