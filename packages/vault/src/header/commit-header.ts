import { concat, readU32, u32 } from '@strongroom/crypto/envelope'
import { VaultError } from './errors.ts'
import { HEADER_LENGTH, MAX_BODY_LENGTH, MAX_SECTION_LENGTH, SIGNATURE_LENGTH, SUITE_ED25519 } from './limits.ts'

/** The signed, chained part of a commit. */
export interface CommitHeader {
  suite: number
  /** Bit 0: the section changes members or starts an epoch. */
  membership: boolean
  vaultId: Uint8Array
  seq: number
  /** commitHash of the previous commit; zeros at genesis. */
  prev: Uint8Array
  epoch: number
  /** Account of the author. */
  accountId: Uint8Array
  deviceId: Uint8Array
  cardHash: Uint8Array
  /** The author's clock: a claim. */
  timeMs: number
  sectionHash: Uint8Array
  sectionLength: number
  bodyHash: Uint8Array
  bodyLength: number
  /** Hash of the members table after this commit. */
  membersHash: Uint8Array
  /** Hash of the sealed checkpoint manifest that this commit names; bit 1 of the flags. */
  checkpointHash: Uint8Array | null
}

const FLAG_MEMBERSHIP = 1
const FLAG_CHECKPOINT = 2

/** Encodes a header into its 276 bytes. */
export function encodeHeader(header: CommitHeader): Uint8Array {
  const flags = (header.membership ? FLAG_MEMBERSHIP : 0) | (header.checkpointHash === null ? 0 : FLAG_CHECKPOINT)
  const bytes = concat(
    Uint8Array.of(0x53, 0x52, 0x43, 0x31, header.suite, flags, 0, 0),
    header.vaultId,
    int64(header.seq),
    header.prev,
    u32(header.epoch),
    header.accountId,
    header.deviceId,
    header.cardHash,
    int64(header.timeMs),
    header.sectionHash,
    u32(header.sectionLength),
    header.bodyHash,
    u32(header.bodyLength),
    header.membersHash,
    header.checkpointHash ?? new Uint8Array(32),
  )
  if (bytes.length !== HEADER_LENGTH) throw new VaultError('commit_malformed', 'field length')
  return bytes
}

/**
 * Parses the 276 bytes of a header.
 *
 * @throws VaultError `commit_malformed`, `upgrade_required`, `limits_exceeded` or `flags_wrong`
 */
export function parseHeader(bytes: Uint8Array): CommitHeader {
  if (bytes.length !== HEADER_LENGTH) throw new VaultError('commit_malformed', 'length')
  if (bytes[0] !== 0x53 || bytes[1] !== 0x52 || bytes[2] !== 0x43) throw new VaultError('commit_malformed', 'magic')
  if (bytes[3] !== 0x31 || bytes[4] !== SUITE_ED25519) throw new VaultError('upgrade_required', 'version or suite')
  const flags = bytes[5] ?? 0
  if ((flags & ~(FLAG_MEMBERSHIP | FLAG_CHECKPOINT)) !== 0) throw new VaultError('upgrade_required', 'flags')
  if (bytes[6] !== 0 || bytes[7] !== 0) throw new VaultError('commit_malformed', 'reserved bytes')
  // Reason: the slice of a Node Buffer would be a view of the caller's memory.
  const take = (offset: number, length: number): Uint8Array => new Uint8Array(bytes.subarray(offset, offset + length))
  const seq = readInt64(bytes, 24)
  const timeMs = readInt64(bytes, 132)
  if (seq === null || seq < 0 || timeMs === null) throw new VaultError('commit_malformed', 'number')
  const sectionLength = readU32(bytes, 172)
  const bodyLength = readU32(bytes, 208)
  if (sectionLength > MAX_SECTION_LENGTH || bodyLength > MAX_BODY_LENGTH)
    throw new VaultError('limits_exceeded', 'length')
  const checkpointHash = take(244, 32)
  const hasCheckpoint = (flags & FLAG_CHECKPOINT) !== 0
  if (hasCheckpoint === checkpointHash.every((byte) => byte === 0)) throw new VaultError('flags_wrong', 'checkpoint')
  return {
    suite: SUITE_ED25519,
    membership: (flags & FLAG_MEMBERSHIP) !== 0,
    vaultId: take(8, 16),
    seq,
    prev: take(32, 32),
    epoch: readU32(bytes, 64),
    accountId: take(68, 16),
    deviceId: take(84, 16),
    cardHash: take(100, 32),
    timeMs,
    sectionHash: take(140, 32),
    sectionLength,
    bodyHash: take(176, 32),
    bodyLength,
    membersHash: take(212, 32),
    checkpointHash: hasCheckpoint ? checkpointHash : null,
  }
}

/** A commit taken apart; the parts are views of the bytes given. */
export interface CommitParts {
  headerBytes: Uint8Array
  header: CommitHeader
  signature: Uint8Array
  sectionBytes: Uint8Array
  sealedBody: Uint8Array
}

/**
 * Takes a commit apart by the lengths in its header; hashes and signature are not checked.
 *
 * @throws VaultError as `parseHeader`, and `commit_malformed` when the lengths do not add up
 */
export function splitCommit(bytes: Uint8Array): CommitParts {
  const headerBytes = bytes.subarray(0, HEADER_LENGTH)
  const header = parseHeader(headerBytes)
  const sectionStart = HEADER_LENGTH + SIGNATURE_LENGTH
  const bodyStart = sectionStart + header.sectionLength
  if (bytes.length !== bodyStart + header.bodyLength) throw new VaultError('commit_malformed', 'length')
  return {
    headerBytes,
    header,
    signature: bytes.subarray(HEADER_LENGTH, sectionStart),
    sectionBytes: bytes.subarray(sectionStart, bodyStart),
    sealedBody: bytes.subarray(bodyStart),
  }
}

function int64(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new VaultError('commit_malformed', 'number')
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value))
  return bytes
}

function readInt64(bytes: Uint8Array, offset: number): number | null {
  const value = Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(offset))
  return Number.isSafeInteger(value) ? value : null
}
