import { decodeBytes, encodeBytes } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'
import type { StateStore } from '../ports.ts'

/** Who is signed in on this device, with the keys to it; secret. */
export interface Profile {
  readonly server: string
  /** Origins that presigned URLs may name, as they were at login. */
  readonly storeOrigins: readonly string[]
  readonly login: string
  readonly accountId: Uint8Array
  readonly deviceId: Uint8Array
  readonly deviceName: string
  readonly token: Uint8Array
  readonly expiresAtMs: number
  readonly accountKey: Uint8Array
  /** As the server gave it; sealed under the account key. */
  readonly sealedKeyring: Uint8Array
  readonly keyringVersion: number
}

const PROFILE_VERSION = 1

/** Reads the stored profile; null when nobody is signed in. @throws ClientError `local_io` when it is broken */
export async function loadProfile(store: StateStore): Promise<Profile | null> {
  const bytes = await store.load('profile')
  if (bytes === null) return null
  const value = parseObject(bytes, 'profile')
  if (value.version !== PROFILE_VERSION) throw broken('profile')
  return {
    server: text(value.server),
    storeOrigins: Array.isArray(value.storeOrigins) ? value.storeOrigins.map(text) : [],
    login: text(value.login),
    accountId: binary(value.accountId, 16),
    deviceId: binary(value.deviceId, 16),
    deviceName: text(value.deviceName),
    token: binary(value.token, 32),
    expiresAtMs: Number(value.expiresAtMs),
    accountKey: binary(value.accountKey, 32),
    sealedKeyring: binary(value.sealedKeyring, null),
    keyringVersion: Number(value.keyringVersion),
  }
}

export async function saveProfile(store: StateStore, profile: Profile): Promise<void> {
  const { accountId, deviceId, token, accountKey, sealedKeyring, ...rest } = profile
  const value = {
    version: PROFILE_VERSION,
    ...rest,
    accountId: encodeBytes(accountId),
    deviceId: encodeBytes(deviceId),
    token: encodeBytes(token),
    accountKey: encodeBytes(accountKey),
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
  return new ClientError('local_io', `The stored ${what} of this device cannot be read.`)
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
