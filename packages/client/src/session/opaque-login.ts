import { SecretBytes, toHex } from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'

/** The server that a password is proved to. */
export interface OpaqueServer {
  readonly api: Api
  /** Hex; the key that the server has to prove. */
  readonly publicKey: string
  /** Hex SHA-256 of that key. */
  readonly serverIdentifier: string
}

/** A password that was proved: OPAQUE's third message, and what only its owner has. */
export interface ProvedPassword {
  readonly proof: { readonly loginId: Uint8Array; readonly request: string }
  /** The caller's to dispose of. */
  readonly exportKey: SecretBytes
}

/**
 * The first two messages of OPAQUE and the third one, not yet sent.
 *
 * @param input - login and password are normalised
 * @throws ClientError `authentication` for a wrong login name or password, `integrity` for a server with another key
 */
export async function proveToServer(
  platform: Platform,
  server: OpaqueServer,
  input: { login: string; password: string; signal: AbortSignal | undefined },
): Promise<ProvedPassword> {
  const { opaque } = platform
  const { login, password, signal } = input
  const start = await opaque.startLogin(password)
  const answer = await server.api.call('loginStart', { body: { login, request: start.request }, signal })
  const { serverIdentifier } = server
  const proved = await opaque.finishLogin({ password, state: start.state, response: answer.response, serverIdentifier })
  if (proved === null) throw new ClientError('authentication', 'Login name or password is wrong.')
  const exportKey = SecretBytes.take(proved.exportKey)
  if (toHex(proved.serverPublicKey) !== server.publicKey) {
    exportKey.dispose()
    throw integrityError("the server's public key")
  }
  return { proof: { loginId: answer.loginId, request: proved.request }, exportKey }
}
