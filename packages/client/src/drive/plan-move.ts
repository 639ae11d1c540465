import { equalBytes, type NodeId, toHex } from '@strongroom/crypto'
import { currentVersion, type Operation, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import { childOf, rootOf } from './lookup.ts'
import { freeName, type Overlay, overlay } from './overlay.ts'
import type { Conflict } from './types.ts'

/** A move, rename or replacement of one node. */
export interface MoveIntent {
  readonly nodeId: NodeId
  readonly fromParentId: NodeId
  readonly fromName: string
  readonly toFolder: readonly string[]
  readonly toName: string
  readonly conflict: Conflict
}

/**
 * Plans a move; null when nothing is to be done.
 *
 * @param view - the state with earlier moves of the same change on top, to which this one is added
 * @throws ClientError `conflict` when the node was moved meanwhile; `usage` for a move into itself
 */
export function planMove(
  state: VaultState,
  intent: MoveIntent,
  view: Overlay = overlay(state),
): { operations: Operation[]; names: string[] } | null {
  const node = state.nodes.get(toHex(intent.nodeId))
  const inPlace =
    node?.parentId != null && equalBytes(node.parentId, intent.fromParentId) && node.name === intent.fromName
  if (node === undefined || node.trashedMs !== null || !inPlace) {
    throw new ClientError('conflict', 'Someone else moved or removed this meanwhile.')
  }
  let folder = rootOf(state)
  for (const name of intent.toFolder) {
    const child = childOf(state, folder, name)
    if (child === null) throw new ClientError('not_found', 'The target folder does not exist.')
    if (child.kind !== 'folder') throw new ClientError('not_a_folder', 'A part of the target path is not a folder.')
    if (equalBytes(child.id, node.id)) throw new ClientError('usage', 'A folder cannot move into itself.')
    folder = child
  }
  const operations: Operation[] = []
  let toName = intent.toName
  const stored = childOf(state, folder, toName)
  // Recovered lies in no folder, though the root shows it.
  const existing = stored?.parentId === null ? stored : view.child(folder.id, toName)
  if (existing !== null && !equalBytes(existing.id, node.id)) {
    if (intent.conflict === 'skip') return null
    if (intent.conflict === 'keep-both') toName = freeName(view, folder.id, toName)
    else if (existing.kind === 'folder' || node.kind === 'folder') {
      throw new ClientError('exists', 'The target exists and a folder is never replaced.')
    } else {
      operations.push({ op: 'trash', nodeId: existing.id })
      view.remove(folder.id, existing.name)
    }
  }
  if (existing !== null && equalBytes(existing.id, node.id) && existing.name === toName) return null
  operations.push({
    op: 'move',
    nodeId: node.id,
    fromParentId: intent.fromParentId,
    fromName: intent.fromName,
    toParentId: folder.id,
    toName,
  })
  const version = currentVersion(node)
  view.remove(intent.fromParentId, intent.fromName)
  view.set(folder.id, {
    id: node.id,
    name: toName,
    kind: node.kind,
    versionId: version === null ? null : toHex(version.id),
  })
  return { operations, names: [...intent.toFolder, toName] }
}
