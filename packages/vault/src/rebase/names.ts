import type { NodeId } from '@strongroom/crypto/envelope'
import { nameCollisionKey } from '../names.ts'
import { idKey } from '../state/id-key.ts'
import { placeBelow } from '../state/place.ts'
import type { VaultNode, VaultState } from '../state/state.ts'
import { conflictName } from './conflict-name.ts'
import type { ConflictLabel } from './types.ts'

/** Names in the folders of a state that changes, found by their NFC form. */
export interface Names {
  /** The child, other than `exceptKey`, with which a name would collide; null where the reducer makes a free name. */
  rival(parentId: NodeId, name: string, exceptKey: string): VaultNode | null
  /** The first free name of a conflict copy. */
  free(parentId: NodeId, name: string, exceptKey: string): string
  /** Tells of a node that got a place. */
  placed(node: VaultNode): void
}

/** Looks at names as the committing client has to: two with the same NFC form collide. */
export function names(state: VaultState, label: ConflictLabel): Names {
  // Entries are checked against the state when they are used, so that nothing ever has to be taken out.
  const folders = new Map<string, Map<string, Set<string>>>()

  const spellings = (parentKey: string): Map<string, Set<string>> => {
    const known = folders.get(parentKey)
    if (known !== undefined) return known
    const made = new Map<string, Set<string>>()
    for (const name of state.children.get(parentKey)?.keys() ?? []) remember(made, name)
    folders.set(parentKey, made)
    return made
  }

  const childExcept = (parentKey: string, name: string, exceptKey: string): VaultNode | null => {
    const key = state.children.get(parentKey)?.get(name)
    return key === undefined || key === exceptKey ? null : (state.nodes.get(key) ?? null)
  }

  const rival = (parentId: NodeId, name: string, exceptKey: string): VaultNode | null => {
    const place = placeBelow(state, parentId, null)
    if (typeof place === 'string' || place.recovered) return null
    const parentKey = idKey(parentId)
    const exact = childExcept(parentKey, name, exceptKey)
    if (exact !== null) return exact
    for (const spelling of spellings(parentKey).get(nameCollisionKey(name)) ?? []) {
      const other = childExcept(parentKey, spelling, exceptKey)
      if (other !== null) return other
    }
    return null
  }

  return {
    rival,
    free(parentId, name, exceptKey) {
      for (let number = 1; ; number += 1) {
        const candidate = conflictName(name, label, number)
        if (rival(parentId, candidate, exceptKey) === null) return candidate
      }
    },
    placed(node) {
      if (node.parentId === null) return
      const known = folders.get(idKey(node.parentId))
      if (known !== undefined) remember(known, node.name)
    },
  }
}

function remember(spellings: Map<string, Set<string>>, name: string): void {
  const key = nameCollisionKey(name)
  const known = spellings.get(key)
  if (known === undefined) spellings.set(key, new Set([name]))
  else known.add(name)
}
