import { derive } from '../derive.ts'
import type { Bytes } from '../encoding.ts'
import { concat, copyOf, equalBytes, u32 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import type { BlobId, VaultId } from '../ids.ts'
import { open, seal, sealContext } from '../seal.ts'
import type { Dek, Kek, VaultKey } from '../secret-bytes.ts'
import { asDek, asKek, asVaultKey, SecretBytes } from '../secret-bytes.ts'
import { KEY_LENGTH } from '../sizes.ts'

/** Which key of which vault. */
export interface VaultEpoch {
  readonly vaultId: VaultId
  /** u32, 1 at genesis. */
  readonly epoch: number
}

/** The keys that a vault key gives; dispose of each. */
export interface VaultKeys {
  /** Seals commit bodies. */
  readonly logKey: SecretBytes
  /** Seals checkpoint manifests. */
  readonly checkpointKey: SecretBytes
  /** Wraps DEKs. */
  readonly dekKek: Kek
}

/** A fresh random vault key. */
export function generateVaultKey(engine: CryptoEngine): VaultKey {
  return asVaultKey(SecretBytes.random(engine, KEY_LENGTH))
}

/** A fresh random DEK, to be used for one content. */
export function generateDek(engine: CryptoEngine): Dek {
  return asDek(SecretBytes.random(engine, KEY_LENGTH))
}

/** Derives the keys of a vault's epoch. */
export async function vaultKeys(engine: CryptoEngine, vaultKey: VaultKey, epoch: VaultEpoch): Promise<VaultKeys> {
  const ids = epochIds(epoch)
  const [logKey, checkpointKey, dekKek] = await Promise.all([
    derive(engine, vaultKey, 'log', ids),
    derive(engine, vaultKey, 'checkpoint', ids),
    derive(engine, vaultKey, 'dek', ids),
  ])
  return { logKey, checkpointKey, dekKek: asKek(dekKek) }
}

/** Public commitment (32 bytes) to a vault key, for the server section of an epoch change. */
export async function vaultKeyCommitment(engine: CryptoEngine, vaultKey: VaultKey, epoch: VaultEpoch): Promise<Bytes> {
  using commitment = await derive(engine, vaultKey, 'key-commitment', epochIds(epoch))
  return commitment.use((bytes) => copyOf(bytes))
}

/**
 * Checks a vault key against its commitment.
 *
 * @throws CryptoError `decrypt_failed` when it is another key's
 */
export async function checkVaultKeyCommitment(
  engine: CryptoEngine,
  vaultKey: VaultKey,
  epoch: VaultEpoch,
  commitment: Bytes,
): Promise<void> {
  if (!equalBytes(await vaultKeyCommitment(engine, vaultKey, epoch), commitment)) {
    throw new CryptoError('decrypt_failed')
  }
}

/** Wraps a DEK under a vault's epoch. */
export function wrapDek(
  engine: CryptoEngine,
  dekKek: Kek,
  place: VaultEpoch & { readonly blobId: BlobId },
  dek: Dek,
): Promise<Bytes> {
  const context = sealContext('dek', place.vaultId, u32(place.epoch), place.blobId)
  return dek.use((bytes) => seal(engine, dekKek, context, bytes))
}

/** Unwraps a DEK; errors as `open`. */
export async function unwrapDek(
  engine: CryptoEngine,
  dekKek: Kek,
  place: VaultEpoch & { readonly blobId: BlobId },
  wrapped: Bytes,
): Promise<Dek> {
  const context = sealContext('dek', place.vaultId, u32(place.epoch), place.blobId)
  return asDek(SecretBytes.take(await open(engine, dekKek, context, wrapped)))
}

/**
 * Seals the vault key of the epoch before under the new one, so that the newest key opens all epochs.
 *
 * @param next - the vault and the new epoch
 */
export async function sealPreviousVaultKey(
  engine: CryptoEngine,
  nextKey: VaultKey,
  next: VaultEpoch,
  previousKey: VaultKey,
): Promise<Bytes> {
  using key = await derive(engine, nextKey, 'history', epochIds(next))
  const context = sealContext('previous-vault-key', next.vaultId, u32(next.epoch))
  return await previousKey.use((bytes) => seal(engine, key, context, bytes))
}

/** Opens what {@link sealPreviousVaultKey} made; errors as `open`. */
export async function openPreviousVaultKey(
  engine: CryptoEngine,
  nextKey: VaultKey,
  next: VaultEpoch,
  sealed: Bytes,
): Promise<VaultKey> {
  using key = await derive(engine, nextKey, 'history', epochIds(next))
  const context = sealContext('previous-vault-key', next.vaultId, u32(next.epoch))
  return asVaultKey(SecretBytes.take(await open(engine, key, context, sealed)))
}

function epochIds(epoch: VaultEpoch): Bytes {
  return concat(epoch.vaultId, u32(epoch.epoch))
}
