import type { AccountId, DeviceId, NodeId } from '@strongroom/crypto/envelope'
import { equalBytes } from '@strongroom/crypto/envelope'
import type {
  AddVersionOperation,
  AttachOperation,
  CreateOperation,
  MoveOperation,
  Operation,
  RecordOperation,
  ReplaceOperation,
  RestoreOperation,
  TrashOperation,
} from '../log/operations.ts'
import { MAX_CONTENTS, MAX_VERSIONS } from '../log/operations.ts'
import { idKey, recordKey } from './id-key.ts'
import { isTaken, placeBelow, recoveredName } from './place.ts'
import { applyPurge } from './purge.ts'
import type { OperationReason } from './reasons.ts'
import type { VaultNode, VaultVersion } from './state.ts'
import type { Transaction } from './transaction.ts'
import { changeNode, countContents, put, putNode } from './transaction.ts'

/** Who commits, and when by their clock. */
export interface Authorship {
  accountId: AccountId
  deviceId: DeviceId
  timeMs: number
}

/** Applies one operation; a reason means that nothing, or only a part to be rolled back, was changed. */
export function applyOperation(tx: Transaction, operation: Operation, author: Authorship): OperationReason | null {
  switch (operation.op) {
    case 'create':
      return applyCreate(tx, operation, author)
    case 'addVersion':
      return applyAddVersion(tx, operation, author)
    case 'move':
      return applyMove(tx, operation)
    case 'trash':
      return applyTrash(tx, operation, author)
    case 'restore':
      return applyRestore(tx, operation)
    case 'purge':
      return applyPurge(tx, operation)
    case 'attach':
      return applyAttach(tx, operation)
    case 'replace':
      return applyReplace(tx, operation)
    case 'record':
      return applyRecord(tx, operation)
  }
}

function applyCreate(tx: Transaction, operation: CreateOperation, author: Authorship): OperationReason | null {
  const { op: _, nodeId, parentId, name, ...shape } = operation
  if (tx.state.nodes.has(idKey(nodeId))) return 'node_exists'
  const node = { id: nodeId, parentId, name, createdMs: author.timeMs, trashedMs: null, versions: [], ...shape }
  return settle(tx, node, null, parentId, name)
}

/** Puts a node below a parent under a name, or into Recovered. */
function settle(
  tx: Transaction,
  node: VaultNode,
  before: VaultNode | null,
  wantedParent: NodeId,
  wantedName: string,
): OperationReason | null {
  const place = placeBelow(tx.state, wantedParent, before === null ? null : idKey(node.id))
  if (typeof place === 'string') return place
  const { parentId, recovered } = place
  const stays = before !== null && before.trashedMs === null && isAt(before, parentId, wantedName)
  if (stays) return null
  if (!recovered && isTaken(tx.state, parentId, wantedName)) return 'name_taken'
  const name = recovered ? recoveredName(tx.state, node.id, wantedName) : wantedName
  putNode(tx, { ...node, parentId, name, trashedMs: null }, before)
  return null
}

function isAt(node: VaultNode, parentId: NodeId, name: string): boolean {
  return node.parentId !== null && equalBytes(node.parentId, parentId) && node.name === name
}

function applyMove(tx: Transaction, operation: MoveOperation): OperationReason | null {
  const node = movable(tx, operation.nodeId)
  if (typeof node === 'string') return node
  if (node.trashedMs !== null) return 'node_trashed'
  if (!isAt(node, operation.fromParentId, operation.fromName)) return 'place_differs'
  return settle(tx, node, node, operation.toParentId, operation.toName)
}

function applyTrash(tx: Transaction, { nodeId }: TrashOperation, author: Authorship): OperationReason | null {
  const node = movable(tx, nodeId)
  if (typeof node === 'string') return node
  if (node.trashedMs !== null) return 'node_trashed'
  putNode(tx, { ...node, trashedMs: author.timeMs }, node)
  return null
}

function applyRestore(tx: Transaction, operation: RestoreOperation): OperationReason | null {
  const node = movable(tx, operation.nodeId)
  if (typeof node === 'string') return node
  if (node.trashedMs === null) return 'not_trashed'
  return settle(tx, node, node, operation.parentId, operation.name)
}

function movable(tx: Transaction, nodeId: NodeId): VaultNode | OperationReason {
  const node = tx.state.nodes.get(idKey(nodeId))
  if (node === undefined) return 'node_unknown'
  return node.parentId === null ? 'fixed_folder' : node
}

function applyAddVersion(tx: Transaction, operation: AddVersionOperation, author: Authorship): OperationReason | null {
  const node = tx.state.nodes.get(idKey(operation.nodeId))
  if (node === undefined) return 'node_unknown'
  if (node.kind !== 'file' && node.kind !== 'unknown') return 'not_a_file'
  const { versionId, baseVersionId, contents, mtimeMs, mode } = operation
  if (findVersion(node, versionId) !== undefined) return 'version_exists'
  const current = node.versions.at(-1)
  const baseIsCurrent =
    baseVersionId === null || current === undefined
      ? baseVersionId === null && current === undefined
      : equalBytes(baseVersionId, current.id)
  if (!baseIsCurrent) return 'base_not_current'
  if (node.versions.length >= MAX_VERSIONS) return 'too_many_versions'
  const version: VaultVersion = { id: versionId, contents, mtimeMs, mode, ...author }
  changeNode(tx, { ...node, versions: [...node.versions, version] })
  countContents(tx, contents, 1)
  return null
}

function applyAttach(tx: Transaction, operation: AttachOperation): OperationReason | null {
  const found = versionOf(tx, operation)
  if (typeof found === 'string') return found
  const { node, version } = found
  const { content } = operation
  const taken = version.contents.some((other) => other.slot === content.slot)
  if (taken || version.contents.length >= MAX_CONTENTS) return 'slot_taken'
  changeVersion(tx, node, { ...version, contents: [...version.contents, content] })
  countContents(tx, [content], 1)
  return null
}

function applyReplace(tx: Transaction, operation: ReplaceOperation): OperationReason | null {
  const found = versionOf(tx, operation)
  if (typeof found === 'string') return found
  const { node, version } = found
  const { slot, oldBlobId, content } = operation
  const old = version.contents.find((other) => other.slot === slot)
  if (old === undefined || !equalBytes(old.blobId, oldBlobId)) return 'content_differs'
  if (content.slot !== slot || content.size !== old.size) return 'content_differs'
  if (equalBytes(content.blobId, oldBlobId)) return 'content_differs'
  changeVersion(tx, node, { ...version, contents: version.contents.map((other) => (other === old ? content : other)) })
  countContents(tx, [content], 1)
  countContents(tx, [old], -1)
  return null
}

function applyRecord(tx: Transaction, { type, key, value }: RecordOperation): null {
  put(tx, tx.state.records, recordKey(type, key), value === null ? undefined : { type, key, value })
  return null
}

function findVersion(node: VaultNode, versionId: Uint8Array): VaultVersion | undefined {
  const first = versionId[0]
  return node.versions.find((version) => version.id[0] === first && equalBytes(version.id, versionId))
}

function versionOf(
  tx: Transaction,
  { nodeId, versionId }: AttachOperation | ReplaceOperation,
): { node: VaultNode; version: VaultVersion } | OperationReason {
  const node = tx.state.nodes.get(idKey(nodeId))
  if (node === undefined) return 'node_unknown'
  const version = findVersion(node, versionId)
  return version === undefined ? 'version_unknown' : { node, version }
}

function changeVersion(tx: Transaction, node: VaultNode, version: VaultVersion): void {
  const versions = node.versions.map((other) => (equalBytes(other.id, version.id) ? version : other))
  changeNode(tx, { ...node, versions })
}
