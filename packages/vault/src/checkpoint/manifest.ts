import type { CryptoEngine, SecretBytes } from '@strongroom/crypto'
import { open, padObject, seal, sealContext, unpadObject } from '@strongroom/crypto'
import { compareBytes, sealedLength, u32, u64 } from '@strongroom/crypto/envelope'
import type { CborValue } from '../header/cbor.ts'
import { decodeCbor, encodeCbor, shapes } from '../header/cbor.ts'
import { VaultError } from '../header/errors.ts'
import { MAX_BODY_LENGTH, MAX_MEMBERS, SUITE_ED25519 } from '../header/limits.ts'
import type { Member } from '../header/members.ts'
import { ROLES, STATES } from '../header/members.ts'
import { decodeContent, encodeContent } from '../log/body-codec.ts'
import type { ContentRecord } from '../log/operations.ts'

/** Most deltas of a checkpoint. */
export const MAX_DELTAS = 16

/** What a checkpoint consists of, and the commit after which it is the vault's state. */
export interface CheckpointManifest {
  seq: number
  commitHash: Uint8Array
  /** Epoch of the commit after `seq`. */
  epoch: number
  /** The table after `seq`; to be compared with the members hash that the commit signs. */
  members: Member[]
  /** Slot `base`. */
  base: ContentRecord
  /** Slot `delta`, oldest first. */
  deltas: ContentRecord[]
  stateHash: Uint8Array
}

/** Where a manifest belongs: what its seal is bound to. */
export interface ManifestPlace {
  vaultId: Uint8Array
  epoch: number
  seq: number
}

const VERSION = 1

/** Encodes a manifest; `sealManifest` also checks it. */
export function encodeManifest(manifest: CheckpointManifest): Uint8Array {
  return encodeCbor([
    VERSION,
    manifest.seq,
    manifest.commitHash,
    manifest.epoch,
    manifest.members.map((member) => [
      member.accountId,
      member.suite,
      member.publicKey,
      member.cardHash,
      ROLES.indexOf(member.role),
      STATES.indexOf(member.state),
    ]),
    encodeContent(manifest.base),
    manifest.deltas.map(encodeContent),
    manifest.stateHash,
  ])
}

/** Encodes, pads and seals a manifest under the checkpoint key of its epoch. */
export async function sealManifest(
  engine: CryptoEngine,
  checkpointKey: SecretBytes,
  vaultId: Uint8Array,
  manifest: CheckpointManifest,
): Promise<Uint8Array> {
  const bytes = encodeManifest(manifest)
  const place = { vaultId, epoch: manifest.epoch, seq: manifest.seq }
  decodeManifest(bytes, place)
  const padded = padObject(bytes)
  if (sealedLength(padded.length) > MAX_BODY_LENGTH) throw new VaultError('limits_exceeded', 'manifest')
  return seal(engine, checkpointKey, context(place), padded)
}

/**
 * Opens and checks a manifest; its hash must have been compared with the one that a verified commit names, and its
 * members, commit hash and state hash are the caller's to compare (`spec/vault-log.md` §10).
 *
 * @throws CryptoError as `open`; VaultError `checkpoint_invalid`, `limits_exceeded`, `upgrade_required`
 */
export async function openManifest(
  engine: CryptoEngine,
  checkpointKey: SecretBytes,
  place: ManifestPlace,
  sealed: Uint8Array,
): Promise<CheckpointManifest> {
  return decodeManifest(unpadObject(await open(engine, checkpointKey, context(place), sealed)), place)
}

function context({ vaultId, epoch, seq }: ManifestPlace): ReturnType<typeof sealContext> {
  return sealContext('checkpoint', vaultId, u32(epoch), u64(seq))
}

function decodeManifest(bytes: Uint8Array, place: ManifestPlace): CheckpointManifest {
  const shape = shapes('checkpoint_invalid')
  const value = decodeCbor(bytes, 'checkpoint_invalid')
  if (!Array.isArray(value)) throw new VaultError('checkpoint_invalid', 'shape')
  if (shape.uint(value[0]) !== VERSION) throw new VaultError('upgrade_required', 'manifest version')
  const [, seq, commitHash, epoch, members, base, deltas, stateHash] = shape.tuple(value, 8)
  const content = (record: CborValue | undefined, slot: string): ContentRecord => {
    const decoded = decodeContent(record, shape, 'checkpoint_invalid')
    if (decoded.slot !== slot) throw new VaultError('checkpoint_invalid', 'slot')
    return decoded
  }
  const manifest: CheckpointManifest = {
    seq: shape.uint(seq),
    commitHash: shape.bytes(commitHash, 32),
    epoch: shape.uint(epoch, 0xffffffff),
    members: decodeMembers(members),
    base: content(base, 'base'),
    deltas: shape.list(deltas, MAX_DELTAS).map((record) => content(record, 'delta')),
    stateHash: shape.bytes(stateHash, 32),
  }
  if (manifest.seq !== place.seq || manifest.epoch !== place.epoch) throw new VaultError('checkpoint_invalid', 'place')
  return manifest
}

function decodeMembers(value: CborValue | undefined): Member[] {
  const shape = shapes('checkpoint_invalid')
  const members = shape.list(value, MAX_MEMBERS).map((row): Member => {
    const [accountId, suite, publicKey, cardHash, role, state] = shape.tuple(row, 6)
    if (shape.uint(suite) !== SUITE_ED25519) throw new VaultError('upgrade_required', 'suite')
    return {
      accountId: shape.bytes(accountId, 16),
      role: ROLES[shape.uint(role, ROLES.length - 1)] ?? 'reader',
      cardHash: shape.bytes(cardHash, 32),
      suite: SUITE_ED25519,
      publicKey: shape.bytes(publicKey, 32),
      state: STATES[shape.uint(state, STATES.length - 2)] ?? 'invited',
    }
  })
  for (const [index, member] of members.entries()) {
    const before = members[index - 1]
    if (before !== undefined && compareBytes(before.accountId, member.accountId) >= 0) {
      throw new VaultError('checkpoint_invalid', 'order')
    }
  }
  return members
}
