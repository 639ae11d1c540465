import { decodeBytes, encodeBytes } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'
import type { StateStore } from '../ports.ts'

/** Who is signed in on this device; the token is secret, unless it only names a cookie. */
export interface Profile {
  readonly server: string
  /** Origins that presigned URLs may name, as they were at login. */
  readonly storeOrigins: readonly string[]
  readonly login: string
  readonly accountId: Uint8Array
  readonly deviceId: Uint8Array
  readonly deviceName: string
  readonly token: Uint8Array
  /** Whether the session's own secret is in a cookie, which `token` names. */
  readonly cookie: boolean
  readonly expiresAtMs: number
  /** As the server gave it; sealed under the account key. */
  readonly sealedKeyring: Uint8Array
  readonly keyringVersion: number
}

/**
 * The account key as the device keeps it: sealed under a key of which the server has the other half; or, as versions
 * before had it, in the open.
 */
export type ProfileKey =
  | {
      readonly kind: 'sealed'
      readonly clientHalf: Uint8Array
      readonly envelope: Uint8Array
      /** Of the private vault; what its pin is found by without any key. */
      readonly vaultId: Uint8Array
    }
  | { readonly kind: 'open'; readonly accountKey: Uint8Array }

export interface StoredProfile {
  readonly profile: Profile
  readonly key: ProfileKey
}

const PROFILE_VERSION = 2
const OPEN_KEY_VERSION = 1

/** Reads the stored profile; null when nobody is signed in. @throws ClientError `local_io` when it is broken */
export async function loadProfile(store: StateStore): Promise<StoredProfile | null> {
  const bytes = await store.load('profile')
  if (bytes === null) return null
  const value = parseObject(bytes, 'profile')
  if (value.version !== PROFILE_VERSION && value.version !== OPEN_KEY_VERSION) throw broken('profile')
  return {
    profile: {
      server: text(value.server),
      storeOrigins: Array.isArray(value.storeOrigins) ? value.storeOrigins.map(text) : [],
      login: text(value.login),
      accountId: binary(value.accountId, 16),
      deviceId: binary(value.deviceId, 16),
      deviceName: text(value.deviceName),
      token: binary(value.token, 32),
      cookie: value.cookie === true,
      expiresAtMs: Number(value.expiresAtMs),
      sealedKeyring: binary(value.sealedKeyring, null),
      keyringVersion: Number(value.keyringVersion),
    },
    key:
      value.version === OPEN_KEY_VERSION
        ? { kind: 'open', accountKey: binary(value.accountKey, 32) }
        : {
            kind: 'sealed',
            clientHalf: binary(value.clientHalf, 32),
            envelope: binary(value.envelope, null),
            vaultId: binary(value.vaultId, 16),
          },
  }
}

/** Writes the profile. @see saveSignedIn, which makes the envelope */
export async function saveProfile(
  store: StateStore,
  profile: Profile,
  key: Extract<ProfileKey, { kind: 'sealed' }>,
): Promise<void> {
  const { accountId, deviceId, token, sealedKeyring, ...rest } = profile
  const value = {
    version: PROFILE_VERSION,
    ...rest,
    accountId: encodeBytes(accountId),
    deviceId: encodeBytes(deviceId),
    token: encodeBytes(token),
    clientHalf: encodeBytes(key.clientHalf),
    envelope: encodeBytes(key.envelope),
    vaultId: encodeBytes(key.vaultId),
    sealedKeyring: encodeBytes(sealedKeyring),
  }
  await store.save('profile', new TextEncoder().encode(JSON.stringify(value)))
}

/** Parses a stored JSON object. @throws ClientError `local_io` */
export function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {}
  throw broken(what)
}

function broken(what: string): ClientError {
  const details = { place: 'profile' }
  return new ClientError('local_io', `The stored ${what} of this device cannot be read.`, { details })
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw broken('profile')
  return value
}

function binary(value: unknown, length: number | null): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBytes(value) : null
  if (bytes === null || (length !== null && bytes.length !== length)) throw broken('profile')
  return bytes
}
