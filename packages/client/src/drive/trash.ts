import { equalBytes, fromHex, toHex } from '@strongroom/crypto'
import {
  isInTrash,
  type Operation,
  subtreeOf,
  trashedChildrenOf,
  trashedNodes,
  type VaultNode,
  type VaultState,
  childrenOf as vaultChildrenOf,
} from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { DriveContext } from './context.ts'
import { childOf, entryOf, findPath, rootOf } from './lookup.ts'
import { formatPath, numberedName, parsePath } from './paths.ts'
import { purgeTrashed } from './purge.ts'
import type { CallOptions, EmptyTrashOptions, EmptyTrashResult, Entry, RestoreOptions, TrashedEntry } from './types.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** What lies in the trash, the newest first; what lies in a trashed folder is part of that one. */
export async function listTrash(context: DriveContext, options: CallOptions = {}): Promise<TrashedEntry[]> {
  await context.log.sync(options.signal)
  await context.log.flush()
  return trashEntries(context.log.state)
}

/** What was trashed by itself, in a folder that may be trashed too; the newest first. */
export function trashEntries(state: VaultState): TrashedEntry[] {
  return trashedNodes(state)
    .flatMap((node) => trashedEntry(state, node) ?? [])
    .sort((a, b) => b.trashedMs - a.trashedMs || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}

function trashedEntry(state: VaultState, node: VaultNode): TrashedEntry | null {
  const entry = entryOf({ node, names: formerNames(state, node) })
  if (entry === null) return null
  const nodes = subtreeOf(state, node.id)
  return {
    ...entry,
    size: nodes.reduce((sum, each) => sum + currentSize(each), 0),
    items: nodes.length,
    trashedMs: node.trashedMs ?? 0,
  }
}

function currentSize(node: VaultNode): number {
  return node.versions.at(-1)?.contents.find((content) => content.slot === 'main')?.size ?? 0
}

/** The names that led to a node, whether or not something above it is in the trash. */
export function formerNames(state: VaultState, node: VaultNode): string[] {
  const names: string[] = []
  let at: VaultNode | undefined = node
  while (at !== undefined && at.parentId !== null) {
    names.push(at.name)
    at = state.nodes.get(toHex(at.parentId))
  }
  if (at !== undefined && equalBytes(at.id, state.recoveredId)) names.push('Recovered')
  return names.reverse()
}

/**
 * Takes something out of the trash: where it was, or to `to`. When its name is taken there, it gets another one; when
 * its folder was destroyed, it goes to Recovered.
 *
 * @param what - the path where it was, or its node id in hex; the newest one of several
 * @throws ClientError `not_found`, `conflict` when its folder is in the trash itself, `usage`
 */
export async function restorePath(context: DriveContext, what: string, options: RestoreOptions = {}): Promise<Entry> {
  const { log } = context
  await log.sync(options.signal)
  const node = findTrashed(log.state, what)
  const place = restorePlace(log.state, node, options.to)
  await log.commit((state) => {
    const now = state.nodes.get(toHex(node.id))
    if (now === undefined || !isInTrash(state, node.id)) return null
    return { operations: [restoration(now, place)], contents: [] }
  }, options.signal)
  await log.flush()
  return restoredEntry(log.state, node)
}

export function restoredEntry(state: VaultState, node: VaultNode): Entry {
  const now = state.nodes.get(toHex(node.id))
  const entry = now === undefined ? null : entryOf({ node: now, names: formerNames(state, now) })
  if (entry === null) throw new ClientError('conflict', 'It was destroyed meanwhile.')
  return entry
}

interface Place {
  readonly parent: Pick<VaultNode, 'id'>
  readonly name: string
}

// What was trashed with its folder is not trashed itself, and moves.
export function restoration(node: VaultNode, { parent, name }: Place): Operation {
  const { id: nodeId, parentId } = node
  if (node.trashedMs !== null) return { op: 'restore', nodeId, parentId: parent.id, name }
  if (parentId === null) throw new Error('fixed folders are never in the trash')
  return { op: 'move', nodeId, fromParentId: parentId, fromName: node.name, toParentId: parent.id, toName: name }
}

export function restorePlace(state: VaultState, node: VaultNode, to?: string): Place {
  if (to !== undefined) return namedPlace(state, node, to)
  const { parentId } = node
  if (parentId === null) throw new Error('fixed folders are never in the trash')
  const parent = state.nodes.get(toHex(parentId))
  if (parent === undefined) return { parent: { id: parentId }, name: node.name }
  if (isInTrash(state, parent.id)) {
    throw new ClientError('conflict', 'The folder that it was in is in the trash too.', {
      details: { reason: 'folder_in_trash' },
    })
  }
  return { parent, name: freeName(state, parent, node.name) }
}

function namedPlace(state: VaultState, node: VaultNode, to: string): Place {
  const found = findPath(state, to)
  if (found?.node.kind === 'folder') return { parent: found.node, name: freeName(state, found.node, node.name) }
  const names = parsePath(to)
  const name = names.pop()
  if (name === undefined) throw new ClientError('usage', 'Name a place below the root folder.')
  const parent = findPath(state, formatPath(names))
  if (parent === null) throw new ClientError('not_found', 'There is no such folder to restore to.')
  if (parent.node.kind !== 'folder') throw new ClientError('not_a_folder', 'A part of the path is not a folder.')
  if (found !== null) throw new ClientError('exists', 'There is something at that path already.')
  return { parent: parent.node, name }
}

function freeName(state: VaultState, folder: VaultNode, name: string): string {
  if (childOf(state, folder, name) === null) return name
  let number = 2
  while (childOf(state, folder, numberedName(name, number)) !== null) number += 1
  return numberedName(name, number)
}

/** @throws ClientError `not_found`, `usage` */
export function findTrashed(state: VaultState, what: string): VaultNode {
  const node = what.startsWith('/') ? trashedAt(state, parsePath(what)) : trashedById(state, what)
  if (node !== null) return node
  throw new ClientError('not_found', 'There is no such thing in the trash.', { details: { reason: 'not_in_trash' } })
}

function trashedById(state: VaultState, id: string): VaultNode | null {
  const text = id.toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(text)) {
    throw new ClientError('usage', 'What to restore is named by its path or by its id of 32 hexadecimal digits.')
  }
  const node = state.nodes.get(text)
  return node !== undefined && isInTrash(state, fromHex(text)) ? node : null
}

/** The newest node in the trash that was at a path. */
function trashedAt(state: VaultState, names: readonly string[]): VaultNode | null {
  let candidates: VaultNode[] = [rootOf(state)]
  const recovered = state.nodes.get(toHex(state.recoveredId))
  for (const [index, name] of names.entries()) {
    const next = candidates.flatMap((folder) =>
      [...vaultChildrenOf(state, folder.id), ...trashedChildrenOf(state, folder.id)].filter(
        (child) => child.name === name,
      ),
    )
    candidates = index === 0 && name === 'Recovered' && recovered !== undefined ? [...next, recovered] : next
  }
  const found = candidates.filter((node) => isInTrash(state, node.id))
  const since = (node: VaultNode): number => node.trashedMs ?? Number.NEGATIVE_INFINITY
  return found.sort((a, b) => since(b) - since(a))[0] ?? null
}

/**
 * Destroys what has been in the trash for at least `olderThanDays` days (default 0: all of it). It is the user's word
 * that decides here, so the times that the devices claimed are enough.
 */
export async function emptyTrash(context: DriveContext, options: EmptyTrashOptions = {}): Promise<EmptyTrashResult> {
  const { log, platform } = context
  await log.sync(options.signal)
  const until = platform.clock.nowMs() - (options.olderThanDays ?? 0) * DAY_MS
  const all = (options.olderThanDays ?? 0) === 0
  const wanted = options.nodeIds === undefined ? null : new Set(options.nodeIds)
  const entries = trashEntries(log.state)
    .filter((entry) => all || entry.trashedMs <= until)
    .filter(({ nodeId }) => wanted === null || wanted.has(nodeId))
  const tops = entries.flatMap((entry) => log.state.nodes.get(entry.nodeId) ?? [])
  tops.sort((a, b) => formerNames(log.state, b).length - formerNames(log.state, a).length)
  const doomed = new Map(tops.flatMap((top) => subtreeOf(log.state, top.id)).map((node) => [toHex(node.id), node]))
  const size = [...doomed.values()].reduce((sum, node) => sum + currentSize(node), 0)
  if (!options.dryRun) await purgeTrashed(context, tops, options.signal)
  await log.flush()
  return { entries, items: doomed.size, size }
}
