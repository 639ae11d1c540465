import type { BlobId, NodeId, VaultId, VersionId } from '@strongroom/crypto/envelope'
import { contentLayout } from '@strongroom/crypto/sizes'
import type { CommitHeader } from '../header/commit-header.ts'
import type { Hasher } from '../header/hashes.ts'
import type { Section } from '../header/section.ts'
import type { ContentRecord, Operation } from '../log/operations.ts'
import type { ApplyResult } from '../state/apply-commit.ts'
import { applyCommit, references } from '../state/apply-commit.ts'
import { emptyState, type VaultState } from '../state/state.ts'

/** Hashes in tests that need no keys. */
export const hasher: Hasher = {
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))),
}

/** An id that ends in a number. */
export function id<T extends NodeId | VersionId | BlobId | VaultId>(number: number, first = 0): T {
  const bytes = new Uint8Array(16)
  bytes[0] = first
  new DataView(bytes.buffer).setUint32(12, number)
  return bytes as Uint8Array as T // 16 bytes
}

export const VAULT = id<VaultId>(1, 0xaa)

/** A content record of a blob. */
export function content(blob: number, { slot = 'main', size = 1000 } = {}): ContentRecord {
  const { blobLength, partSize } = contentLayout(size)
  return {
    slot,
    blobId: id<BlobId>(blob, 0xbb),
    header: new Uint8Array(74),
    size,
    blobLength,
    partSize,
    partsRoot: new Uint8Array(32).fill(blob),
    dekTimeMs: 5,
  }
}

export function header(seq: number, changes: Partial<CommitHeader> = {}): CommitHeader {
  return {
    suite: 1,
    membership: seq === 0,
    vaultId: VAULT,
    seq,
    prev: new Uint8Array(32),
    epoch: 1,
    accountId: new Uint8Array(16).fill(0x11),
    deviceId: new Uint8Array(16).fill(0x22),
    cardHash: new Uint8Array(32),
    timeMs: 1000 + seq,
    sectionHash: new Uint8Array(32),
    sectionLength: 1,
    bodyHash: new Uint8Array(32),
    bodyLength: 1,
    membersHash: new Uint8Array(32),
    checkpointHash: null,
    ...changes,
  }
}

export function section(changes: Partial<Section> = {}): Section {
  return {
    changeId: crypto.getRandomValues(new Uint8Array(16)),
    added: [],
    released: [],
    members: [],
    epochChange: null,
    genesis: null,
    ...changes,
  }
}

/** A state after genesis. */
export async function freshState(): Promise<VaultState> {
  const state = await emptyState(hasher, VAULT)
  return applyCommit(state, { header: header(0), section: section(), operations: [] }).state
}

/** Applies operations in a commit whose references fit. */
export function commit(state: VaultState, operations: Operation[], changes: Partial<Section> = {}): ApplyResult {
  let derived: Pick<Section, 'added' | 'released'> = { added: [], released: [] }
  try {
    derived = references(operations, state)
  } catch {
    // They do not apply; the commit says the same.
  }
  return applyCommit(state, { header: header(state.seq + 1), section: section({ ...derived, ...changes }), operations })
}
