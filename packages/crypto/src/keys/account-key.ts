import { derive, extract } from '../derive.ts'
import type { Bytes } from '../encoding.ts'
import { concat, u8, u64 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import type { AccountId, DeviceId } from '../ids.ts'
import type { SealContext } from '../seal.ts'
import { open, seal, sealContext } from '../seal.ts'
import type { AccountKey, Kek, RecoveryKey } from '../secret-bytes.ts'
import { asAccountKey, asKek, SecretBytes } from '../secret-bytes.ts'
import { KEY_LENGTH } from '../sizes.ts'

/** What opens an envelope of the account key: 1 password, 2 recovery key, 3 session. */
export type EnvelopeMethod = 1 | 2 | 3

/** Which envelope of whose account key. */
export interface EnvelopePlace {
  readonly accountId: AccountId
  readonly method: EnvelopeMethod
  /** u64, compared and swapped by the server. */
  readonly version: number
}

/** A fresh random account key. */
export function generateAccountKey(engine: CryptoEngine): AccountKey {
  return asAccountKey(SecretBytes.random(engine, KEY_LENGTH))
}

/** KEK of the password envelope, from OPAQUE's export key. */
export async function passwordKek(engine: CryptoEngine, exportKey: SecretBytes, accountId: AccountId): Promise<Kek> {
  using uniform = await extract(engine, exportKey, 'password', accountId)
  return asKek(await derive(engine, uniform, 'kek'))
}

/** KEK of the recovery envelope. */
export async function recoveryKek(engine: CryptoEngine, recoveryKey: RecoveryKey): Promise<Kek> {
  using uniform = await extract(engine, recoveryKey, 'recovery-kek', null)
  return asKek(await derive(engine, uniform, 'kek'))
}

/** What proves to the server that the recovery key is known; tells nothing about {@link recoveryKek}. */
export async function recoveryAuth(engine: CryptoEngine, recoveryKey: RecoveryKey): Promise<SecretBytes> {
  using uniform = await extract(engine, recoveryKey, 'recovery-auth', null)
  return await derive(engine, uniform, 'auth')
}

/** KEK of a session's envelope; neither half alone says anything about it. Both halves have 32 bytes. */
export async function sessionKek(engine: CryptoEngine, clientHalf: SecretBytes, serverHalf: SecretBytes): Promise<Kek> {
  using joined = SecretBytes.take(clientHalf.use((client) => serverHalf.use((server) => concat(client, server))))
  return asKek(await derive(engine, joined, 'session'))
}

/** Key of one device's journal, caches and pins. */
export function localKey(
  engine: CryptoEngine,
  accountKey: AccountKey,
  place: { accountId: AccountId; deviceId: DeviceId },
): Promise<SecretBytes> {
  return derive(engine, accountKey, 'local', concat(place.accountId, place.deviceId))
}

/** Seals the account key under a KEK. */
export function sealAccountKey(
  engine: CryptoEngine,
  kek: Kek,
  place: EnvelopePlace,
  accountKey: AccountKey,
): Promise<Bytes> {
  return accountKey.use((bytes) => seal(engine, kek, envelopeContext(place), bytes))
}

/** Opens an envelope of the account key; errors as `open`. */
export async function openAccountKey(
  engine: CryptoEngine,
  kek: Kek,
  place: EnvelopePlace,
  sealed: Bytes,
): Promise<AccountKey> {
  return asAccountKey(SecretBytes.take(await open(engine, kek, envelopeContext(place), sealed)))
}

function envelopeContext(place: EnvelopePlace): SealContext {
  return sealContext('account-key', place.accountId, u8(place.method), u64(place.version))
}
