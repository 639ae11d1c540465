import type { NodeId } from '@strongroom/crypto/envelope'
import { encodeText, MAX_NAME_LENGTH } from '../names.ts'
import { idKey } from './id-key.ts'
import type { VaultNode, VaultState } from './state.ts'

/** Deepest folder that an operation may put something into; the root has depth 0. */
export const MAX_DEPTH = 512

/** Where an operation that names a parent puts its node. */
export type Place = { parentId: NodeId; recovered: boolean } | 'not_a_folder' | 'too_deep' | 'into_itself'

/**
 * Finds out where a node named for `parentId` goes: there, or to Recovered when the parent is purged or in the trash.
 * `movedKey` is the node that moves, which must not be above its own parent.
 */
export function placeBelow(state: VaultState, parentId: NodeId, movedKey: string | null): Place {
  const recovered: Place = { parentId: state.recoveredId, recovered: true }
  const parent = state.nodes.get(idKey(parentId))
  if (parent === undefined) return recovered
  if (parent.kind !== 'folder') return 'not_a_folder'
  let trashed = false
  let depth = 0
  let at: VaultNode | undefined = parent
  while (at !== undefined) {
    const key: string = idKey(at.id)
    if (key === movedKey) return 'into_itself'
    if (at.trashedMs !== null) trashed = true
    if (at.parentId === null) return trashed ? recovered : { parentId, recovered: false }
    depth += 1
    if (depth > MAX_DEPTH) return 'too_deep'
    at = state.nodes.get(idKey(at.parentId))
  }
  return recovered
}

/** Whether a name is taken in a folder by a child that is not trashed. */
export function isTaken(state: VaultState, parentId: NodeId, name: string): boolean {
  return state.children.get(idKey(parentId))?.has(name) ?? false
}

/** A free name in Recovered: the name, else with the id's first digits before it, else the id, else numbered. */
export function recoveredName(state: VaultState, nodeId: NodeId, name: string): string {
  const free = (candidate: string): boolean => !isTaken(state, state.recoveredId, candidate)
  if (free(name)) return name
  const key = idKey(nodeId)
  const marked = `(${key.slice(0, 8)}) ${name}`
  if (encodeText(marked).length <= MAX_NAME_LENGTH && free(marked)) return marked
  if (free(key)) return key
  let number = 2
  while (!free(`${key}-${number}`)) number += 1
  return `${key}-${number}`
}
