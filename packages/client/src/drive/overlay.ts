import { type NodeId, toHex, type VersionId } from '@strongroom/crypto'
import { currentVersion, MAX_VERSIONS, nameCollisionKey, type VaultNode, type VaultState } from '@strongroom/vault'
import { rootOf } from './lookup.ts'
import { numberedName } from './paths.ts'

/** A child as a plan sees it: stored already, or created earlier in the same plan. */
export interface Child {
  readonly id: NodeId
  readonly name: string
  readonly kind: VaultNode['kind']
  readonly versionId: string | null
}

export interface Overlay {
  readonly rootId: NodeId
  child(parent: NodeId, name: string): Child | null
  set(parent: NodeId, child: Child, versionId?: VersionId): void
  remove(parent: NodeId, name: string): void
  versionId(hex: string): VersionId
  linkTarget(child: Child): string | null
  /** Whether a stored file takes no further version. */
  isFull(child: Child): boolean
}

/** A state with the changes of a plan on top; names are found by their NFC form. */
export function overlay(state: VaultState): Overlay {
  const changed = new Map<string, Map<string, Child | null>>()
  const folders = new Map<string, Map<string, string>>()
  const versions = new Map<string, VersionId>()

  /** Node keys of a stored folder by NFC form of their names. */
  const stored = (parentKey: string): Map<string, string> => {
    const known = folders.get(parentKey)
    if (known !== undefined) return known
    const names = new Map<string, string>()
    for (const [name, key] of state.children.get(parentKey) ?? []) names.set(nameCollisionKey(name), key)
    folders.set(parentKey, names)
    return names
  }
  return {
    rootId: rootOf(state).id,
    child(parent, name) {
      const parentKey = toHex(parent)
      const key = nameCollisionKey(name)
      const own = changed.get(parentKey)?.get(key)
      if (own !== undefined) return own
      const node = state.nodes.get(stored(parentKey).get(key) ?? '')
      if (node === undefined) return null
      const version = currentVersion(node)
      if (version !== null) versions.set(toHex(version.id), version.id)
      return { id: node.id, name: node.name, kind: node.kind, versionId: version === null ? null : toHex(version.id) }
    },
    set(parent, child, versionId) {
      const parentKey = toHex(parent)
      const names = changed.get(parentKey) ?? new Map<string, Child | null>()
      changed.set(parentKey, names.set(nameCollisionKey(child.name), child))
      if (versionId !== undefined) versions.set(toHex(versionId), versionId)
    },
    remove(parent, name) {
      const parentKey = toHex(parent)
      const names = changed.get(parentKey) ?? new Map<string, Child | null>()
      changed.set(parentKey, names.set(nameCollisionKey(name), null))
    },
    versionId(hex) {
      const id = versions.get(hex)
      if (id === undefined) throw new Error('a plan names only versions that it saw')
      return id
    },
    linkTarget(child) {
      const node = state.nodes.get(toHex(child.id))
      return node?.kind === 'symlink' ? node.target : null
    },
    isFull: (child) => (state.nodes.get(toHex(child.id))?.versions.length ?? 0) >= MAX_VERSIONS,
  }
}

/** The first of `name (2)`, `name (3)` … that nobody has in a folder. */
export function freeName(view: Overlay, parent: NodeId, name: string): string {
  for (let number = 2; ; number += 1) {
    const candidate = numberedName(name, number)
    if (view.child(parent, candidate) === null) return candidate
  }
}
