import type { BlobId, NodeId, VaultId, VersionId } from '@strongroom/crypto/envelope'

/** A content of a version: where its ciphertext lies and what authenticates it. */
export interface ContentRecord {
  /** `main`, `thumbnail`, …: `[a-z0-9-]{1,32}`. */
  slot: string
  blobId: BlobId
  /** FLOE header, 74 bytes. */
  header: Uint8Array
  /** True size in bytes. */
  size: number
  /** Ciphertext bytes. */
  blobLength: number
  partSize: number
  partsRoot: Uint8Array
  /** When the DEK was made. */
  dekTimeMs: number
}

/** What a node is. Kinds of later versions are kept as they are. */
export type NodeShape =
  | { kind: 'folder' }
  | { kind: 'file' }
  | { kind: 'symlink'; target: string }
  | { kind: 'mount'; mountedVaultId: VaultId }
  | { kind: 'unknown'; code: number; data: Uint8Array }

export type NodeKind = NodeShape['kind']

/** A new node. Below something trashed or purged it goes to Recovered. */
export type CreateOperation = {
  op: 'create'
  nodeId: NodeId
  parentId: NodeId
  name: string
} & NodeShape

/** A new current version of a file. */
export interface AddVersionOperation {
  op: 'addVersion'
  nodeId: NodeId
  versionId: VersionId
  /** The current version that this one replaces; null for the first. */
  baseVersionId: VersionId | null
  /** At least one; slots differ. */
  contents: ContentRecord[]
  mtimeMs: number
  /** Permission bits that matter, 0 … 0o7777. */
  mode: number | null
}

/** Moves or renames; names the place that it replaces. */
export interface MoveOperation {
  op: 'move'
  nodeId: NodeId
  fromParentId: NodeId
  fromName: string
  toParentId: NodeId
  toName: string
}

/** Moves a node with all below it to the trash. */
export interface TrashOperation {
  op: 'trash'
  nodeId: NodeId
}

/** Takes a trashed node out of the trash, to the place named. */
export interface RestoreOperation {
  op: 'restore'
  nodeId: NodeId
  parentId: NodeId
  name: string
}

/** Destroys nodes and versions for good; names every one of them. */
export interface PurgeOperation {
  op: 'purge'
  nodeIds: NodeId[]
  versionIds: { nodeId: NodeId; versionId: VersionId }[]
}

/** Adds a content, such as a thumbnail, to a version. */
export interface AttachOperation {
  op: 'attach'
  nodeId: NodeId
  versionId: VersionId
  content: ContentRecord
}

/** Replaces a content by the same bytes under a new DEK. */
export interface ReplaceOperation {
  op: 'replace'
  nodeId: NodeId
  versionId: VersionId
  slot: string
  oldBlobId: BlobId
  content: ContentRecord
}

/** Sets or, with null, removes an account's record: settings, device names, pins, favourites. */
export interface RecordOperation {
  op: 'record'
  /** `[a-z0-9-]{1,32}`. */
  type: string
  /** 0 … 64 bytes. */
  key: Uint8Array
  /** At most 64 KiB. */
  value: Uint8Array | null
}

export type Operation =
  | CreateOperation
  | AddVersionOperation
  | MoveOperation
  | TrashOperation
  | RestoreOperation
  | PurgeOperation
  | AttachOperation
  | ReplaceOperation
  | RecordOperation

/** Longest target of a symbolic link in bytes. */
export const MAX_TARGET_LENGTH = 4095
/** Most bytes that a node of an unknown kind may carry. */
export const MAX_UNKNOWN_LENGTH = 4096
/** Most versions of one file. */
export const MAX_VERSIONS = 10_000
/** Most contents of a version. */
export const MAX_CONTENTS = 16
/** Longest key and value of an account record. */
export const MAX_RECORD_KEY_LENGTH = 64
export const MAX_RECORD_VALUE_LENGTH = 64 * 1024
/** Most ids in each list of a purge. */
export const MAX_PURGE_IDS = 10_000
/** Slots and record types. */
export const LABEL_PATTERN = /^[a-z0-9-]{1,32}$/
