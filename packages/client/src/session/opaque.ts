import { client, ready } from '@serenity-kit/opaque'
import { decodeBytes } from '@strongroom/protocol/base64url'
import { ClientError, integrityError } from '../errors.ts'
import type { OpaqueClient, Stretching } from '../ports.ts'

// Invariant: parameters are compiled in; nothing that the server says can change them. The library itself would take
// absurdly low values.
const STRETCHING: Readonly<Record<Stretching, { 'argon2id-custom': Argon2idParameters }>> = {
  'argon2id-64': { 'argon2id-custom': { iterations: 3, memory: 65_536, parallelism: 4 } },
  'argon2id-32': { 'argon2id-custom': { iterations: 6, memory: 32_768, parallelism: 4 } },
}

interface Argon2idParameters {
  readonly iterations: number
  /** KiB. */
  readonly memory: number
  readonly parallelism: number
}

const PAGES_PER_MEBIBYTE = 16

/** Makes the first message of a login that nobody wants, so that its code is compiled before one is waited for. */
export async function tryOut(): Promise<void> {
  await ready
  client.startLogin({ password: 'tried out' })
}

/** OPAQUE in the calling thread: stretching blocks it for about a second, so platforms prefer a worker. */
export function inlineOpaque(): OpaqueClient {
  return {
    async startRegistration(password) {
      await ready
      const { clientRegistrationState, registrationRequest } = client.startRegistration({ password })
      return { state: clientRegistrationState, request: registrationRequest }
    },
    async finishRegistration({ password, state, response, serverIdentifier, stretching }) {
      await ready
      try {
        const done = client.finishRegistration({
          password,
          clientRegistrationState: state,
          registrationResponse: response,
          identifiers: { server: serverIdentifier },
          keyStretching: STRETCHING[stretching],
        })
        return {
          record: done.registrationRecord,
          exportKey: bytes(done.exportKey),
          serverPublicKey: bytes(done.serverStaticPublicKey),
        }
      } catch (cause) {
        throw cause instanceof ClientError ? cause : malformed(cause)
      }
    },
    async startLogin(password) {
      await ready
      const { clientLoginState, startLoginRequest } = client.startLogin({ password })
      return { state: clientLoginState, request: startLoginRequest }
    },
    async finishLogin({ password, state, response, serverIdentifier, stretching }) {
      await ready
      const done = attempt(() =>
        client.finishLogin({
          password,
          clientLoginState: state,
          loginResponse: response,
          identifiers: { server: serverIdentifier },
          keyStretching: STRETCHING[stretching],
        }),
      )
      if (done === undefined) return null
      return {
        request: done.finishLoginRequest,
        exportKey: bytes(done.exportKey),
        serverPublicKey: bytes(done.serverStaticPublicKey),
      }
    },
    async hasMemory(mebibytes) {
      try {
        const initial = mebibytes * PAGES_PER_MEBIBYTE
        return new WebAssembly.Memory({ initial, maximum: initial }).buffer.byteLength > 0
      } catch {
        return false
      }
    },
    async close() {},
  }
}

function attempt<T>(task: () => T): T {
  try {
    return task()
  } catch (cause) {
    throw malformed(cause)
  }
}

function malformed(cause: unknown): ClientError {
  return integrityError("the server's side of the key exchange", cause)
}

function bytes(text: string): Uint8Array {
  const decoded = decodeBytes(text)
  if (decoded === null) throw integrityError('an OPAQUE key')
  return decoded
}
