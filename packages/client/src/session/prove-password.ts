import { fromHex, toHex } from '@strongroom/crypto'
import { integrityError } from '../errors.ts'
import type { Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { normalisePassword } from './credentials.ts'
import { type OpaqueServer, type ProvedPassword, proveToServer } from './opaque-login.ts'
import { loadPins } from './pins.ts'

export interface ProofContext {
  readonly platform: Platform
  readonly api: Api
  /** Base URL, as in the profile. */
  readonly server: string
  /** Login name, normalised. */
  readonly login: string
}

/**
 * Proves the current password inside a session: `proof` goes with the request that asks for it, within a minute; it
 * works once. The export key opens and wraps the password envelope, so that one stretching gives both.
 *
 * @throws ClientError `authentication` for a wrong password, `integrity`, `usage`, `network`
 */
export async function provePassword(
  context: ProofContext,
  password: string,
  signal?: AbortSignal,
): Promise<ProvedPassword> {
  const normal = normalisePassword(password)
  const { platform, login } = context
  try {
    return await proveToServer(platform, await pinnedServer(context), { login, password: normal, signal })
  } finally {
    await platform.opaque.close()
  }
}

/** The server of a session by the key that is pinned for it; asks nobody. @throws ClientError `integrity` */
export async function pinnedServer({ platform, api, server }: Omit<ProofContext, 'login'>): Promise<OpaqueServer> {
  const publicKey = (await loadPins(platform.store)).servers[server]
  if (publicKey === undefined) throw integrityError("the server's public key, of which the pin is gone")
  return { api, publicKey, serverIdentifier: toHex(await platform.engine.sha256(fromHex(publicKey))) }
}
