import {
  type AccountId,
  type AccountKey,
  asAccountId,
  CryptoError,
  disposeKeyring,
  type Keyring,
  openAccountKey,
  openKeyring,
  passwordKek,
  type SecretBytes,
} from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import { contact } from './connect.ts'
import { normaliseLogin, normalisePassword } from './credentials.ts'
import { deviceFor, pinLogin } from './device.ts'
import { proveToServer } from './opaque-login.ts'
import { type Profile, saveProfile } from './records.ts'
import type { Credentials } from './types.ts'

/** Keys of an account in memory, and the profile that was stored for it. */
export interface SignedIn {
  readonly profile: Profile
  readonly accountKey: AccountKey
  readonly keyring: Keyring
}

/**
 * Logs in: OPAQUE proves both sides to each other, then account key and keyring are opened and held against the pins.
 *
 * @throws ClientError `authentication` for a wrong login name or password, `integrity`, `network`, `usage`
 */
export async function logIn(input: Credentials): Promise<SignedIn> {
  const { platform, signal } = input
  const { engine, opaque, store } = platform
  const login = normaliseLogin(input.login)
  const password = normalisePassword(input.password)
  const { api, server, publicKey, serverIdentifier, storeOrigins } = await contact(platform, input.server, signal)
  try {
    const { proof, exportKey } = await proveToServer(
      platform,
      { api, publicKey, serverIdentifier },
      { login, password, signal },
    )
    const session = await api.call('loginFinish', { body: proof, signal, retry: false })
    const accountId = asAccountId(session.accountId)
    const accountKey = await openEnvelope(input, exportKey, accountId, session)
    const keyring = await openSealedKeyring(input, accountKey, accountId, session)
    const deviceId = await deviceFor(engine, store, accountId)
    await pinLogin(engine, store, {
      server,
      publicKey,
      accountId,
      deviceId,
      keyringVersion: session.keyringVersion,
      keyring: session.keyring,
    }).catch((error: unknown) => {
      accountKey.dispose()
      disposeKeyring(keyring)
      throw error
    })
    const profile: Profile = {
      server,
      storeOrigins,
      login,
      accountId,
      deviceId,
      deviceName: input.deviceName,
      token: session.token,
      expiresAtMs: session.expiresAtMs,
      accountKey: accountKey.use((bytes) => bytes.slice()),
      sealedKeyring: session.keyring,
      keyringVersion: session.keyringVersion,
    }
    await saveProfile(store, profile)
    return { profile, accountKey, keyring }
  } finally {
    await opaque.close()
  }
}

async function openEnvelope(
  { platform: { engine } }: Credentials,
  exportKey: SecretBytes,
  accountId: AccountId,
  session: { passwordEnvelope: Uint8Array; passwordEnvelopeVersion: number },
): Promise<AccountKey> {
  const kek = await passwordKek(engine, exportKey, accountId)
  try {
    const place = { accountId, method: 1 as const, version: session.passwordEnvelopeVersion }
    return await openAccountKey(engine, kek, place, session.passwordEnvelope)
  } catch (cause) {
    throw sealFailure('the account key', cause)
  } finally {
    exportKey.dispose()
    kek.dispose()
  }
}

async function openSealedKeyring(
  { platform: { engine } }: Credentials,
  accountKey: AccountKey,
  accountId: AccountId,
  session: { keyring: Uint8Array; keyringVersion: number },
): Promise<Keyring> {
  try {
    return await openKeyring(engine, accountKey, { accountId, version: session.keyringVersion }, session.keyring)
  } catch (cause) {
    accountKey.dispose()
    throw sealFailure('the keyring', cause)
  }
}

/** What a seal that does not open means to the caller. */
export function sealFailure(what: string, cause: unknown): unknown {
  if (!(cause instanceof CryptoError)) return cause
  return cause.code === 'upgrade_required'
    ? new ClientError('upgrade_required', 'The account was written by a newer client; upgrade this one.', { cause })
    : integrityError(what, cause)
}
