import { equalBytes } from '@strongroom/crypto/envelope'
import type { PurgeOperation } from '../log/operations.ts'
import { idKey } from './id-key.ts'
import { recoveredName } from './place.ts'
import type { OperationReason } from './reasons.ts'
import type { VaultNode, VaultVersion } from './state.ts'
import type { Transaction } from './transaction.ts'
import { changeNode, countContents, deleteNode, putNode } from './transaction.ts'

/**
 * Destroys what the operation lists; ids that are not there count as destroyed already. A listed node keeps the
 * versions that are not listed, and then survives; survivors, and unlisted nodes whose parent is destroyed, move to
 * Recovered, in the order of their ids.
 */
export function applyPurge(tx: Transaction, operation: PurgeOperation): OperationReason | null {
  const listed = new Set(operation.nodeIds.map(idKey))
  if (listed.has(idKey(tx.state.rootId)) || listed.has(idKey(tx.state.recoveredId))) return 'fixed_folder'
  const reason = purgeVersions(tx, operation, listed)
  if (reason !== null) return reason
  const doomed = new Set<string>()
  const orphans = new Set<string>()
  for (const key of listed) {
    const node = tx.state.nodes.get(key)
    if (node === undefined) continue
    if (node.versions.length > 0) orphans.add(key)
    else doomed.add(key)
  }
  for (const key of doomed) {
    for (const child of childKeys(tx, key)) if (!doomed.has(child)) orphans.add(child)
  }
  for (const key of [...orphans].sort()) {
    const node = tx.state.nodes.get(key)
    if (node !== undefined) recover(tx, node)
  }
  for (const key of doomed) {
    const node = tx.state.nodes.get(key)
    if (node !== undefined) deleteNode(tx, node)
  }
  return null
}

function purgeVersions(
  tx: Transaction,
  operation: PurgeOperation,
  listed: ReadonlySet<string>,
): OperationReason | null {
  const byNode = new Map<string, Set<string>>()
  for (const { nodeId, versionId } of operation.versionIds) {
    const key = idKey(nodeId)
    const versions = byNode.get(key) ?? new Set()
    byNode.set(key, versions.add(idKey(versionId)))
  }
  for (const [key, versionKeys] of byNode) {
    const node = tx.state.nodes.get(key)
    if (node === undefined) continue
    const current = node.versions.at(-1)
    if (!listed.has(key) && current !== undefined && versionKeys.has(idKey(current.id))) return 'version_current'
    const gone: VaultVersion[] = []
    const kept: VaultVersion[] = []
    for (const version of node.versions) (versionKeys.has(idKey(version.id)) ? gone : kept).push(version)
    if (gone.length === 0) continue
    changeNode(tx, { ...node, versions: kept })
    for (const version of gone) countContents(tx, version.contents, -1)
  }
  return null
}

function childKeys(tx: Transaction, key: string): string[] {
  return [...(tx.state.children.get(key)?.values() ?? []), ...(tx.state.trashedChildren.get(key) ?? [])]
}

function recover(tx: Transaction, node: VaultNode): void {
  const stays = node.trashedMs === null && node.parentId !== null && equalBytes(node.parentId, tx.state.recoveredId)
  if (stays) return
  const name = recoveredName(tx.state, node.id, node.name)
  putNode(tx, { ...node, parentId: tx.state.recoveredId, name, trashedMs: null }, node)
}
