import { compareBytes } from '@strongroom/crypto/envelope'
import type { CborValue, Shapes } from './cbor.ts'
import { decodeCbor, encodeCbor, shapes } from './cbor.ts'
import { VaultError } from './errors.ts'
import {
  MAX_MEMBERS,
  MAX_REFERENCE_COUNT,
  MAX_REFERENCES,
  MAX_SECTION_LENGTH,
  MEMBER_WRAP_LENGTH,
  SEALED_KEY_LENGTH,
  SUITE_ED25519,
} from './limits.ts'
import type { Member, MemberChange } from './members.ts'
import { ROLES, STATES } from './members.ts'

/** A blob that gains references by a commit. */
export interface AddedReference {
  blobId: Uint8Array
  count: number
  /** The vault from which the blob comes, where the author needs a right; null for one of its own uploads. */
  sourceVault: Uint8Array | null
}

/** A blob that loses references by a commit. */
export interface ReleasedReference {
  blobId: Uint8Array
  count: number
}

/** The new vault key of an epoch, for each member. */
export interface EpochChange {
  /** SHA-256 commitment to the new vault key. */
  keyCommitment: Uint8Array
  /** The previous vault key, sealed under the new one; null at genesis only. */
  sealedPreviousKey: Uint8Array | null
  /** HPKE wrap of the new key for each member of the table after this commit, sorted by account id. */
  wraps: { accountId: Uint8Array; wrap: Uint8Array }[]
}

/** What the server sees of a commit beside its header. */
export interface Section {
  changeId: Uint8Array
  /** Sorted by blob id. */
  added: AddedReference[]
  /** Sorted by blob id; no blob is in both lists. */
  released: ReleasedReference[]
  /** Sorted by account id. */
  members: MemberChange[]
  epochChange: EpochChange | null
  /** What the vault id was derived from; in the first commit only. */
  genesis: { founderCardHash: Uint8Array; random: Uint8Array } | null
}

const SECTION_VERSION = 1
/** First byte of everything sealed or wrapped. */
const KEY_VERSION = 1

/** Encodes a section; its lists must be sorted. */
export function encodeSection(section: Section): Uint8Array {
  const { epochChange, genesis } = section
  return encodeCbor([
    SECTION_VERSION,
    section.changeId,
    section.added.map((entry) => [entry.blobId, entry.count, entry.sourceVault]),
    section.released.map((entry) => [entry.blobId, entry.count]),
    section.members.map((change) => [
      change.accountId,
      ROLES.indexOf(change.role),
      change.cardHash,
      change.suite,
      change.publicKey,
      STATES.indexOf(change.state),
      change.wrap,
    ]),
    epochChange === null
      ? null
      : [
          epochChange.keyCommitment,
          epochChange.sealedPreviousKey,
          epochChange.wraps.map((entry) => [entry.accountId, entry.wrap]),
        ],
    genesis === null ? null : [genesis.founderCardHash, genesis.random],
  ])
}

/**
 * Decodes a section strictly: shape, lengths, order and uniqueness.
 *
 * @throws VaultError `section_invalid`, `limits_exceeded` or `upgrade_required`
 */
export function decodeSection(bytes: Uint8Array): Section {
  if (bytes.length > MAX_SECTION_LENGTH) throw new VaultError('limits_exceeded', 'section')
  const value = decodeCbor(bytes, 'section_invalid')
  const shape = shapes('section_invalid')
  if (!Array.isArray(value)) throw new VaultError('section_invalid', 'shape')
  if (shape.uint(value[0]) !== SECTION_VERSION) throw new VaultError('upgrade_required', 'section version')
  const fields = shape.tuple(value, 7)
  const section: Section = {
    changeId: shape.bytes(fields[1], 16),
    added: shape.list(fields[2], MAX_REFERENCES).map((entry) => decodeAdded(shape, entry)),
    released: shape.list(fields[3], MAX_REFERENCES).map((entry) => decodeReleased(shape, entry)),
    members: shape.list(fields[4], MAX_MEMBERS).map((entry) => decodeChange(shape, entry)),
    epochChange: fields[5] === null ? null : decodeEpochChange(shape, fields[5]),
    genesis: fields[6] === null ? null : decodeGenesis(shape, fields[6]),
  }
  checkSorted(section.added.map((entry) => entry.blobId))
  checkSorted(section.released.map((entry) => entry.blobId))
  checkSorted(section.members.map((entry) => entry.accountId))
  checkSorted(section.epochChange?.wraps.map((entry) => entry.accountId) ?? [])
  checkDisjoint(section.added, section.released)
  return section
}

function decodeAdded(shape: Shapes, value: CborValue): AddedReference {
  const [blobId, count, source] = shape.tuple(value, 3)
  return {
    blobId: shape.bytes(blobId, 16),
    count: decodeCount(shape, count),
    sourceVault: source === null ? null : shape.bytes(source, 16),
  }
}

function decodeReleased(shape: Shapes, value: CborValue): ReleasedReference {
  const [blobId, count] = shape.tuple(value, 2)
  return { blobId: shape.bytes(blobId, 16), count: decodeCount(shape, count) }
}

function decodeCount(shape: Shapes, value: CborValue | undefined): number {
  const count = shape.uint(value, MAX_REFERENCE_COUNT)
  if (count === 0) throw new VaultError('section_invalid', 'count')
  return count
}

function decodeChange(shape: Shapes, value: CborValue): MemberChange {
  const [accountId, role, cardHash, suite, publicKey, state, wrap] = shape.tuple(value, 7)
  if (shape.uint(suite) !== SUITE_ED25519) throw new VaultError('upgrade_required', 'suite')
  const row: Member = {
    accountId: shape.bytes(accountId, 16),
    role: ROLES[shape.uint(role, ROLES.length - 1)] ?? 'reader',
    cardHash: shape.bytes(cardHash, 32),
    suite: SUITE_ED25519,
    publicKey: shape.bytes(publicKey, 32),
    state: STATES[shape.uint(state, STATES.length - 1)] ?? 'removed',
  }
  return { ...row, wrap: wrap === null ? null : versioned(shape, wrap, MEMBER_WRAP_LENGTH) }
}

function decodeEpochChange(shape: Shapes, value: CborValue | undefined): EpochChange {
  const [keyCommitment, sealedPreviousKey, wraps] = shape.tuple(value, 3)
  return {
    keyCommitment: shape.bytes(keyCommitment, 32),
    sealedPreviousKey: sealedPreviousKey === null ? null : versioned(shape, sealedPreviousKey, SEALED_KEY_LENGTH),
    wraps: shape.list(wraps, MAX_MEMBERS).map((entry) => {
      const [accountId, wrap] = shape.tuple(entry, 2)
      return { accountId: shape.bytes(accountId, 16), wrap: versioned(shape, wrap, MEMBER_WRAP_LENGTH) }
    }),
  }
}

/** A sealed or wrapped key: only its version and length can be checked without keys. */
function versioned(shape: Shapes, value: CborValue | undefined, length: number): Uint8Array {
  const bytes = shape.bytes(value, 1, MAX_SECTION_LENGTH)
  if (bytes[0] !== KEY_VERSION) throw new VaultError('upgrade_required', 'key version')
  return shape.bytes(bytes, length)
}

function decodeGenesis(shape: Shapes, value: CborValue | undefined): Section['genesis'] {
  const [founderCardHash, random] = shape.tuple(value, 2)
  return { founderCardHash: shape.bytes(founderCardHash, 32), random: shape.bytes(random, 32) }
}

function checkSorted(ids: readonly Uint8Array[]): void {
  for (let index = 1; index < ids.length; index += 1) {
    const [before, id] = [ids[index - 1], ids[index]]
    if (before === undefined || id === undefined || compareBytes(before, id) >= 0) {
      throw new VaultError('section_invalid', 'order')
    }
  }
}

/** Both lists are sorted, so one walk finds a blob that is in both. */
function checkDisjoint(added: readonly AddedReference[], released: readonly ReleasedReference[]): void {
  let at = 0
  for (const { blobId } of added) {
    let other = released[at]
    while (other !== undefined && compareBytes(other.blobId, blobId) < 0) {
      at += 1
      other = released[at]
    }
    if (other !== undefined && compareBytes(other.blobId, blobId) === 0)
      throw new VaultError('section_invalid', 'netting')
  }
}
