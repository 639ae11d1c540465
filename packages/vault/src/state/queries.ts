import type { NodeId } from '@strongroom/crypto/envelope'
import { MAX_REFERENCES } from '../header/limits.ts'
import { idKey, recordKey } from './id-key.ts'
import type { VaultNode, VaultState, VaultVersion } from './state.ts'

/** Name under which a vault's root shows the folder Recovered, unless a child of the root has that name. */
export const RECOVERED_NAME = 'Recovered'

/** Id of the root folder. */
export function rootId(state: VaultState): NodeId {
  return state.rootId
}

/** The node with this id, trashed or not, or null. */
export function nodeById(state: VaultState, nodeId: Uint8Array): VaultNode | null {
  return state.nodes.get(idKey(nodeId)) ?? null
}

/** The child of a folder with this name that is not trashed, or null. */
export function childNamed(state: VaultState, parentId: Uint8Array, name: string): VaultNode | null {
  const key = state.children.get(idKey(parentId))?.get(name)
  return key === undefined ? null : (state.nodes.get(key) ?? null)
}

/**
 * The node at a path, given as names from the root on; null when there is none. `Recovered` at the beginning means
 * the folder of recovered nodes, when the root has no such child and the folder is not empty.
 */
export function nodeAt(state: VaultState, parts: readonly string[]): VaultNode | null {
  let node = nodeById(state, state.rootId)
  for (const [index, name] of parts.entries()) {
    if (node === null) return null
    const child: VaultNode | null = childNamed(state, node.id, name)
    node =
      child === null && index === 0 && name === RECOVERED_NAME && hasRecovered(state)
        ? nodeById(state, state.recoveredId)
        : child
  }
  return node
}

/** Whether anything lies in Recovered. */
export function hasRecovered(state: VaultState): boolean {
  return (state.children.get(idKey(state.recoveredId))?.size ?? 0) > 0
}

/** Children of a folder that are not trashed, in no particular order. */
export function childrenOf(state: VaultState, parentId: Uint8Array): VaultNode[] {
  return nodesOf(state, state.children.get(idKey(parentId))?.values() ?? [])
}

/** Children of a folder that are trashed themselves, in no particular order. */
export function trashedChildrenOf(state: VaultState, parentId: Uint8Array): VaultNode[] {
  return nodesOf(state, state.trashedChildren.get(idKey(parentId)) ?? [])
}

/** Every node that is trashed itself, wherever it lies, in no particular order. */
export function trashedNodes(state: VaultState): VaultNode[] {
  return [...state.trashedChildren.values()].flatMap((keys) => nodesOf(state, keys))
}

/** The names that lead to a node, from the root on; null for one that is unknown or in the trash. */
export function pathOf(state: VaultState, nodeId: Uint8Array): string[] | null {
  const names: string[] = []
  let node = nodeById(state, nodeId)
  while (node !== null && node.trashedMs === null) {
    if (node.parentId === null) {
      if (idKey(node.id) === idKey(state.recoveredId)) names.push(RECOVERED_NAME)
      return names.reverse()
    }
    names.push(node.name)
    node = nodeById(state, node.parentId)
  }
  return null
}

/** Whether a node, or a folder above it, is trashed. */
export function isInTrash(state: VaultState, nodeId: Uint8Array): boolean {
  let node = nodeById(state, nodeId)
  while (node !== null) {
    if (node.trashedMs !== null) return true
    node = node.parentId === null ? null : nodeById(state, node.parentId)
  }
  return false
}

/** A node and everything below it, trashed or not, children before their parents: what a purge lists. */
export function subtreeOf(state: VaultState, nodeId: Uint8Array): VaultNode[] {
  const first = nodeById(state, nodeId)
  const found: VaultNode[] = first === null ? [] : [first]
  for (let index = 0; index < found.length; index += 1) {
    const node = found[index]
    if (node !== undefined) found.push(...childrenOf(state, node.id), ...trashedChildrenOf(state, node.id))
  }
  return found.reverse()
}

/** The current version of a file, or null before its first. */
export function currentVersion(node: VaultNode): VaultVersion | null {
  return node.versions.at(-1) ?? null
}

/** The value of an account record, or null. */
export function recordOf(state: VaultState, type: string, key: Uint8Array): Uint8Array | null {
  return state.records.get(recordKey(type, key))?.value ?? null
}

/** All account records of a type: their keys and values. */
export function recordsOf(state: VaultState, type: string): { key: Uint8Array; value: Uint8Array }[] {
  return [...state.records.values()].filter((record) => record.type === type)
}

/** Whether a commit with this change id applied, among the last 4,096. */
export function isChangeApplied(state: VaultState, changeId: Uint8Array): boolean {
  return state.changeIds.has(idKey(changeId))
}

/** How many content records name a blob. */
export function referenceCount(state: VaultState, blobId: Uint8Array): number {
  return state.references.get(idKey(blobId))?.count ?? 0
}

/**
 * The references by which a commit without operations takes back what skipped commits did to the server's counts;
 * null when nothing is owed. What is more than one commit holds is left for the next.
 */
export function correction(state: VaultState): {
  added: { blobId: Uint8Array; count: number; sourceVault: null }[]
  released: { blobId: Uint8Array; count: number }[]
} | null {
  const owed = [...state.imbalance].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  if (owed.length === 0) return null
  const added = owed
    .filter((entry) => entry.count < 0)
    .slice(0, MAX_REFERENCES)
    .map(({ blobId, count }) => ({ blobId, count: -count, sourceVault: null }))
  return { added, released: owed.filter((entry) => entry.count > 0).slice(0, MAX_REFERENCES) }
}

function nodesOf(state: VaultState, keys: Iterable<string>): VaultNode[] {
  const nodes: VaultNode[] = []
  for (const key of keys) {
    const node = state.nodes.get(key)
    if (node !== undefined) nodes.push(node)
  }
  return nodes
}
