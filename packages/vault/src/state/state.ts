import type { AccountId, BlobId, DeviceId, NodeId, VaultId, VersionId } from '@strongroom/crypto/envelope'
import { hashMessage } from '@strongroom/crypto/envelope'
import type { Hasher } from '../header/hashes.ts'
import type { ContentRecord, NodeShape } from '../log/operations.ts'
import { idKey } from './id-key.ts'
import type { ReadonlyTable, Table } from './table.ts'

/** A state of a file. */
export interface VaultVersion {
  readonly id: VersionId
  readonly contents: readonly ContentRecord[]
  readonly mtimeMs: number
  readonly mode: number | null
  /** Who committed it, from which device and when by their clock. */
  readonly accountId: AccountId
  readonly deviceId: DeviceId
  readonly timeMs: number
}

/** A file, folder, link or mount. Objects are never changed: a changed node is a new object. */
export type VaultNode = {
  readonly id: NodeId
  /** null for the root and for Recovered. */
  readonly parentId: NodeId | null
  readonly name: string
  readonly createdMs: number
  /** When this very node was trashed; a node below a trashed folder has null. */
  readonly trashedMs: number | null
  /** Oldest first; the last is current. */
  readonly versions: readonly VaultVersion[]
} & Readonly<NodeShape>

export interface AccountRecord {
  readonly type: string
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** A blob's count, by id. */
export interface BlobCount {
  readonly blobId: BlobId
  readonly count: number
}

/** The newest checkpoint that a commit named. */
export interface NamedCheckpoint {
  readonly hash: Uint8Array
  /** Sequence number of the commit that named it. */
  readonly namedBySeq: number
  /** Its blobs, sorted. */
  readonly blobIds: readonly BlobId[]
}

/**
 * What a vault holds after a commit. Maps and tables are keyed by `idKey` of an id.
 *
 * Ownership: `applyCommit` changes the state that it is given and returns the same object; whoever needs the old one
 * makes a `cloneState` first. Everybody else only reads.
 */
export interface VaultState {
  readonly vaultId: VaultId
  readonly rootId: NodeId
  readonly recoveredId: NodeId
  /** Sequence number of the last commit taken in, applied or skipped; −1 before genesis. */
  readonly seq: number
  readonly nodes: ReadonlyTable<VaultNode>
  /** Children that are not trashed themselves: parent → name → node key. */
  readonly children: ReadonlyTable<ReadonlyMap<string, string>>
  /** Children that are trashed themselves: parent → node keys. */
  readonly trashedChildren: ReadonlyTable<ReadonlySet<string>>
  readonly records: ReadonlyMap<string, AccountRecord>
  /** How many content records name a blob. */
  readonly references: ReadonlyTable<BlobCount>
  /** Change ids of the last 4,096 commits that applied, oldest first. */
  readonly changeIds: ReadonlyMap<string, Uint8Array>
  /** What skipped commits added minus what they released, and reference-only commits have to take back. */
  readonly imbalance: ReadonlyMap<string, BlobCount>
  readonly checkpoint: NamedCheckpoint | null
}

/** The same, as this package's own code may change it. */
export interface MutableState extends VaultState {
  seq: number
  readonly nodes: Table<VaultNode>
  readonly children: Table<Map<string, string>>
  readonly trashedChildren: Map<string, Set<string>>
  readonly records: Map<string, AccountRecord>
  readonly references: Table<BlobCount>
  readonly changeIds: Map<string, Uint8Array>
  readonly imbalance: Map<string, BlobCount>
  checkpoint: NamedCheckpoint | null
}

/** How many change ids a state remembers. */
export const REMEMBERED_CHANGES = 4096

/** The state before genesis: the root and Recovered, both empty. */
export async function emptyState(hasher: Hasher, vaultId: Uint8Array): Promise<VaultState> {
  const [root, recovered] = await Promise.all([
    hasher.sha256(hashMessage('root', vaultId)),
    hasher.sha256(hashMessage('recovered', vaultId)),
  ])
  // The casts brand ids that were made just here.
  return stateWithFolders(vaultId.slice() as VaultId, root.slice(0, 16) as NodeId, recovered.slice(0, 16) as NodeId)
}

/** An empty state with its two fixed folders. */
export function stateWithFolders(vaultId: VaultId, rootId: NodeId, recoveredId: NodeId): MutableState {
  const folder = (id: NodeId): [string, VaultNode] => [
    idKey(id),
    { id, parentId: null, name: '', kind: 'folder', createdMs: 0, trashedMs: null, versions: [] },
  ]
  return {
    vaultId,
    rootId,
    recoveredId,
    seq: -1,
    nodes: new Map([folder(rootId), folder(recoveredId)]),
    children: new Map(),
    trashedChildren: new Map(),
    records: new Map(),
    references: new Map(),
    changeIds: new Map(),
    imbalance: new Map(),
    checkpoint: null,
  }
}
