import { toHex } from '@strongroom/crypto'
import { childrenOf, currentVersion, type VaultNode, type VaultState } from '@strongroom/vault'
import type { Usage } from './types.ts'

/**
 * How much of what is stored is only in the trash, or only in old versions; each blob is counted once. null before this
 * device has an index.
 */
export function usageOf(state: VaultState): Usage | null {
  if (state.seq < 0) return null
  const visible = visibleNodes(state)
  const counted = new Set<string>()
  const add = (version: VaultNode['versions'][number]): number => {
    let sum = 0
    for (const { blobId, blobLength } of version.contents) {
      const key = toHex(blobId)
      if (!counted.has(key)) sum += blobLength
      counted.add(key)
    }
    return sum
  }
  let currentBytes = 0
  let oldVersionBytes = 0
  let trashBytes = 0
  for (const node of visible.values()) {
    const version = currentVersion(node)
    if (version !== null) currentBytes += add(version)
  }
  for (const node of visible.values()) for (const version of node.versions) oldVersionBytes += add(version)
  for (const node of state.nodes.values()) for (const version of node.versions) trashBytes += add(version)
  return { currentBytes, oldVersionBytes, trashBytes }
}

/** Everything that is not in the trash. */
function visibleNodes(state: VaultState): Map<string, VaultNode> {
  const found = new Map<string, VaultNode>()
  const folders: Uint8Array[] = [state.rootId, state.recoveredId]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const node of childrenOf(state, folder)) {
      found.set(toHex(node.id), node)
      if (node.kind === 'folder') folders.push(node.id)
    }
  }
  return found
}
