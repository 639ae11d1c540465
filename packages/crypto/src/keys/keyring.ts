import { decode, encode } from 'cborg'
import { derive } from '../derive.ts'
import type { Bytes } from '../encoding.ts'
import { copyOf, equalBytes, u64 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import type { AccountId, VaultId } from '../ids.ts'
import { asAccountId, asVaultId } from '../ids.ts'
import { padObject, unpadObject } from '../padding.ts'
import { open, seal, sealContext } from '../seal.ts'
import type { AccountKey, VaultKey } from '../secret-bytes.ts'
import { asVaultKey, SecretBytes } from '../secret-bytes.ts'
import { KEY_LENGTH } from '../sizes.ts'
import type { IdentitySeeds } from './identity.ts'

const FORMAT = 1
const HASH_LENGTH = 32
const MAX_OLD_SEEDS = 1_000
const MAX_EPOCH = 0xffffffff

/** Where the account's private vault stood when identity or epoch last changed. */
export interface Anchor {
  readonly seq: number
  readonly commitHash: Bytes
  readonly membersHash: Bytes
}

/** The secrets of an account, sealed under its account key. */
export interface Keyring {
  /** u64, one higher at each change. */
  readonly version: number
  readonly accountId: AccountId
  readonly identitySeeds: IdentitySeeds
  readonly vaultId: VaultId
  readonly genesisHash: Bytes
  readonly vaultKey: VaultKey
  readonly vaultEpoch: number
  readonly anchor: Anchor
}

/**
 * Seals a keyring. The keyring stays the caller's to dispose of.
 *
 * @throws CryptoError `malformed` or `size_out_of_range` for a keyring that could not be read again
 */
export async function sealKeyring(engine: CryptoEngine, accountKey: AccountKey, keyring: Keyring): Promise<Bytes> {
  const encoded = encodeKeyring(keyring)
  const padded = padObject(encoded)
  encoded.fill(0)
  try {
    using key = await derive(engine, accountKey, 'keyring')
    return await seal(engine, key, sealContext('keyring', keyring.accountId, u64(keyring.version)), padded)
  } finally {
    padded.fill(0)
  }
}

/**
 * Opens a keyring.
 *
 * @throws CryptoError `upgrade_required` for another format, `malformed` when account or version inside differ, else
 *   as `open`
 */
export async function openKeyring(
  engine: CryptoEngine,
  accountKey: AccountKey,
  place: { accountId: AccountId; version: number },
  sealed: Bytes,
): Promise<Keyring> {
  using key = await derive(engine, accountKey, 'keyring')
  const padded = await open(engine, key, sealContext('keyring', place.accountId, u64(place.version)), sealed)
  try {
    const keyring = decodeKeyring(unpadObject(padded))
    if (keyring.version === place.version && equalBytes(keyring.accountId, place.accountId)) return keyring
    disposeKeyring(keyring)
    throw new CryptoError('malformed')
  } finally {
    padded.fill(0)
  }
}

/** Wipes every secret of a keyring. */
export function disposeKeyring(keyring: Keyring): void {
  const { ed25519, xwing, oldXwing } = keyring.identitySeeds
  for (const secret of [ed25519, xwing, ...oldXwing, keyring.vaultKey]) secret.dispose()
}

function encodeKeyring(keyring: Keyring): Bytes {
  const { identitySeeds: seeds, anchor } = keyring
  const copies: Bytes[] = []
  const copy = (secret: SecretBytes): Bytes => {
    const bytes = secret.use((value) => copyOf(value))
    copies.push(bytes)
    return bytes
  }
  const encoded = encode([
    FORMAT,
    keyring.version,
    plain(keyring.accountId),
    [copy(seeds.ed25519), copy(seeds.xwing), seeds.oldXwing.map(copy)],
    plain(keyring.vaultId),
    plain(keyring.genesisHash),
    copy(keyring.vaultKey),
    keyring.vaultEpoch,
    [anchor.seq, plain(anchor.commitHash), plain(anchor.membersHash)],
  ])
  for (const bytes of copies) bytes.fill(0)
  disposeKeyring(decodeKeyring(encoded))
  return encoded
}

function decodeKeyring(encoded: Bytes): Keyring {
  const fields = array(decodeCanonical(encoded))
  if (fields[0] !== FORMAT) throw new CryptoError(Number.isSafeInteger(fields[0]) ? 'upgrade_required' : 'malformed')
  const [, version, accountId, seeds, vaultId, genesisHash, vaultKey, vaultEpoch, anchor] = ofLength(fields, 9)
  const [ed25519, xwing, oldXwing] = ofLength(array(seeds), 3)
  const [seq, commitHash, membersHash] = ofLength(array(anchor), 3)
  const old = array(oldXwing)
  const epoch = unsigned(vaultEpoch)
  if (old.length > MAX_OLD_SEEDS || epoch > MAX_EPOCH) throw new CryptoError('malformed')
  return {
    version: unsigned(version),
    accountId: asAccountId(byteString(accountId, 16)),
    identitySeeds: { ed25519: secret(ed25519), xwing: secret(xwing), oldXwing: old.map(secret) },
    vaultId: asVaultId(byteString(vaultId, 16)),
    genesisHash: byteString(genesisHash, HASH_LENGTH),
    vaultKey: asVaultKey(secret(vaultKey)),
    vaultEpoch: epoch,
    anchor: {
      seq: unsigned(seq),
      commitHash: byteString(commitHash, HASH_LENGTH),
      membersHash: byteString(membersHash, HASH_LENGTH),
    },
  }
}

/** Decodes CBOR that is exactly what the encoder makes of the same value. */
function decodeCanonical(encoded: Bytes): unknown {
  let value: unknown
  try {
    value = decode(encoded, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      rejectDuplicateMapKeys: true,
    })
  } catch (cause) {
    throw new CryptoError('malformed', { cause })
  }
  // Reason: 1.0 as a float decodes to the number 1, which strictness alone does not notice.
  const again = encode(value)
  const same = equalBytes(again, encoded)
  again.fill(0)
  if (!same) throw new CryptoError('malformed')
  return value
}

/** A view without subclass, as the encoder asks for. */
function plain(bytes: Bytes): Bytes {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new CryptoError('malformed')
  return value
}

function ofLength(values: unknown[], length: number): unknown[] {
  if (values.length !== length) throw new CryptoError('malformed')
  return values
}

function unsigned(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new CryptoError('malformed')
  return value
}

function byteString(value: unknown, length: number): Bytes {
  if (!(value instanceof Uint8Array) || value.length !== length) throw new CryptoError('malformed')
  return copyOf(value)
}

function secret(value: unknown): SecretBytes {
  if (!(value instanceof Uint8Array) || value.length !== KEY_LENGTH) throw new CryptoError('malformed')
  return SecretBytes.take(value)
}
