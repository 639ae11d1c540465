import { toHex } from '@strongroom/crypto'
import {
  currentVersion,
  hasRecovered,
  nameCollisionKey,
  newestFiles,
  RECOVERED_NAME,
  type VaultNode,
  type VaultState,
  childrenOf as vaultChildrenOf,
} from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import { formatPath, parsePath } from './paths.ts'
import type { Entry } from './types.ts'

/** Details of an `is_a_folder` to which there is no recursive way. */
export const FILES_ONLY = { reason: 'files_only' }

/** A node with its whole path. */
export interface Found {
  readonly node: VaultNode
  readonly names: readonly string[]
}

/** The child of a folder by exact name, else one whose name has the same NFC form. */
export function childOf(state: VaultState, folder: VaultNode, name: string): VaultNode | null {
  const children = state.children.get(toHex(folder.id))
  const exact = children?.get(name)
  if (exact !== undefined) return state.nodes.get(exact) ?? null
  if (name === RECOVERED_NAME) return recoveredChild(state, folder)
  if (children === undefined) return null
  const key = composedNames(state, children).get(nameCollisionKey(name))
  return key === undefined ? null : (state.nodes.get(key) ?? null)
}

interface ComposedNames {
  readonly seq: number
  readonly size: number
  readonly names: ReadonlyMap<string, string>
}

const composed = new WeakMap<ReadonlyMap<string, string>, ComposedNames>()

/**
 * Node keys of a folder's children by the NFC form of their names, the first of those that share one. Reason for keeping
 * them until the next commit: an upload looks for each of its names in vain, and would read the whole folder each time.
 */
function composedNames({ seq }: VaultState, children: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const known = composed.get(children)
  if (known?.seq === seq && known.size === children.size) return known.names
  const names = new Map<string, string>()
  for (const [name, key] of children) {
    const form = nameCollisionKey(name)
    if (!names.has(form)) names.set(form, key)
  }
  composed.set(children, { seq, size: children.size, names })
  return names
}

/** The root folder. */
export function rootOf(state: VaultState): VaultNode {
  const root = state.nodes.get(toHex(state.rootId))
  if (root === undefined) throw new Error('a state has a root')
  return root
}

/** The node at a path, or null. @throws ClientError `usage`, `not_a_folder` */
export function findPath(state: VaultState, path: string): Found | null {
  let node = rootOf(state)
  const names: string[] = []
  for (const name of parsePath(path)) {
    if (node.kind !== 'folder') throw new ClientError('not_a_folder', 'A part of the path is not a folder.')
    const child = childOf(state, node, name)
    if (child === null) return null
    node = child
    names.push(child.name)
  }
  return { node, names }
}

/** The node at a path. @throws ClientError `not_found`, `usage`, `not_a_folder` */
export function needPath(state: VaultState, path: string): Found {
  const found = findPath(state, path)
  if (found === null) throw new ClientError('not_found', 'There is no such file or folder.')
  return found
}

/** Children in the order of their names' code units; the root shows Recovered once something is in it. */
export function childrenOf(state: VaultState, folder: VaultNode): VaultNode[] {
  const nodes = vaultChildrenOf(state, folder.id)
  const recovered = recoveredChild(state, folder)
  if (recovered !== null) nodes.push(recovered)
  return nodes.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Names and node keys of a folder's children, in the order of `childrenOf`; makes no nodes. */
export function childKeysOf(state: VaultState, folderKey: string): [string, string][] {
  const keys = [...(state.children.get(folderKey) ?? [])]
  const isRoot = folderKey === toHex(state.rootId)
  if (isRoot && recoveredChild(state, rootOf(state)) !== null) keys.push([RECOVERED_NAME, toHex(state.recoveredId)])
  return keys.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** The node that `childKeysOf` has named. */
export function childByKey(state: VaultState, key: string): VaultNode | null {
  if (key === toHex(state.recoveredId)) return recoveredChild(state, rootOf(state))
  return state.nodes.get(key) ?? null
}

/** The folder Recovered as a child of the root, unless the root has a child of that name. */
function recoveredChild(state: VaultState, folder: VaultNode): VaultNode | null {
  if (toHex(folder.id) !== toHex(state.rootId) || !hasRecovered(state)) return null
  if (state.children.get(toHex(folder.id))?.has(RECOVERED_NAME)) return null
  const node = state.nodes.get(toHex(state.recoveredId))
  return node === undefined ? null : { ...node, name: RECOVERED_NAME }
}

/** Everything below a folder that is not trashed, parents before children; `names` of the folder come first. */
export function* descendants(state: VaultState, top: Found): Generator<Found> {
  for (const node of childrenOf(state, top.node)) {
    const found = { node, names: [...top.names, node.name] }
    yield found
    if (node.kind === 'folder') yield* descendants(state, found)
  }
}

/** What a node looks like to callers; null for kinds that have no place in a listing yet. */
export function entryOf({ node, names }: Found): Entry | null {
  if (node.kind !== 'file' && node.kind !== 'folder' && node.kind !== 'symlink') return null
  const version = currentVersion(node)
  const main = version?.contents.find((content) => content.slot === 'main')
  return {
    path: formatPath(names),
    name: names.at(-1) ?? '',
    kind: node.kind,
    size: main?.size ?? 0,
    mtimeMs: version?.mtimeMs ?? node.createdMs,
    ...(version?.mode === null || version === null ? {} : { mode: version.mode }),
    ...(node.kind === 'symlink' ? { target: node.target } : {}),
    nodeId: toHex(node.id),
    ...(version === null ? {} : { versionId: toHex(version.id) }),
  }
}

/** The entry of a node by its id (hex); null when it is not there, or it or a folder above it lies in the trash. */
export function entryById(state: VaultState, nodeId: string): Entry | null {
  const node = state.nodes.get(nodeId)
  if (node === undefined) return null
  const names: string[] = []
  let at: VaultNode | undefined = node
  while (at !== undefined && at.parentId !== null) {
    if (at.trashedMs !== null) return null
    names.unshift(at.name)
    at = state.nodes.get(toHex(at.parentId))
  }
  if (at === undefined) return null
  if (toHex(at.id) === toHex(state.recoveredId)) names.unshift(RECOVERED_NAME)
  return entryOf({ node, names })
}

/** The files that were modified last, the newest first, and by their paths where the time is the same. */
export function newestEntries(state: VaultState, most: number): Entry[] {
  const entries = newestFiles(state, most).map(({ id }) => entryById(state, toHex(id)))
  return entries.filter((entry) => entry !== null).sort((a, b) => b.mtimeMs - a.mtimeMs || (a.path < b.path ? -1 : 1))
}
