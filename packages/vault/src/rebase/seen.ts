import type { Operation } from '../log/operations.ts'
import { idKey } from '../state/id-key.ts'
import type { VaultState } from '../state/state.ts'
import type { SeenNode } from './types.ts'

/** What a rebase has to know of the state that operations are planned on: the nodes that get versions or are trashed. */
export function seenNodes(operations: readonly Operation[], state: VaultState): SeenNode[] {
  const seen = new Map<string, SeenNode>()
  for (const operation of operations) {
    if (operation.op !== 'addVersion' && operation.op !== 'trash') continue
    const key = idKey(operation.nodeId)
    const node = state.nodes.get(key)
    if (node === undefined || node.parentId === null) continue
    const { id, parentId, name } = node
    seen.set(key, { nodeId: id, parentId, name, versionId: node.versions.at(-1)?.id ?? null })
  }
  return [...seen.values()]
}
