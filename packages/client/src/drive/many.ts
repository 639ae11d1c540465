import { type NodeId, toHex } from '@strongroom/crypto'
import { isInTrash, type Operation, pathOf, type VaultNode, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import { type DriveContext, newNodeId, writeContext } from './context.ts'
import { findPath, needPath } from './lookup.ts'
import { freeName, type Overlay, overlay } from './overlay.ts'
import { formatPath, parsePath } from './paths.ts'
import { type MoveIntent, planMove } from './plan-move.ts'
import { planWrites, type WriteIntent, type WriteOutcome } from './plan-writes.ts'
import { collisionsOf, noLongerFits, settled } from './settled.ts'
import { findTrashed, restoration, restoredEntry, restorePlace } from './trash.ts'
import { commitCopies, copyIntents, refuseFixed } from './tree-verbs.ts'
import type { CallOptions, Conflict, Entry, PathPair } from './types.ts'

type ManyOptions = CallOptions & { conflict?: Conflict | undefined }

/** Makes folders with what is missing above them; those that are there already are fine. */
export async function makeFolders(
  context: DriveContext,
  paths: readonly string[],
  options: CallOptions = {},
): Promise<void> {
  const { log } = context
  await log.sync(options.signal)
  const parents = new Map<string, NodeId>()
  const intents = paths.map((path): WriteIntent => {
    return { kind: 'folder', names: parsePath(path), nodeId: newNodeId(context), parents }
  })
  if (intents.length === 0) return
  let outcomes: readonly WriteOutcome[] = []
  const committed = await log.commit((state) => {
    const plan = planWrites(state, intents, writeContext(context))
    outcomes = plan.outcomes
    for (const outcome of outcomes) if (outcome.outcome === 'failed') throw outcome.error
    return plan.operations.length === 0 ? null : plan
  }, options.signal)
  await log.flush()
  for (const [index, intent] of intents.entries()) {
    const outcome = outcomes[index]
    if (outcome === undefined) continue
    const now = settled(log.state, intent, outcome, committed)
    if (now.outcome === 'failed') throw now.error
  }
}

/** Moves many at once; what lies in another one that moves goes with that. Returns where each of them is then. */
export async function moveMany(
  context: DriveContext,
  moves: readonly PathPair[],
  options: ManyOptions = {},
): Promise<string[]> {
  const { log } = context
  await log.sync(options.signal)
  const { state } = log
  const sources = moves.map(({ from }) => needPath(state, from).node)
  for (const node of sources) refuseFixed(state, node)
  const conflict = options.conflict ?? 'replace'
  const moving = keysOf(sources)
  const intents: MoveIntent[] = []
  for (const [index, node] of sources.entries()) {
    const target = parsePath(moves[index]?.to ?? '/')
    const toName = target.at(-1)
    if (toName === undefined) throw new ClientError('usage', 'The target is the root folder.')
    if (node.parentId === null || liesIn(state, node, moving)) continue
    const from = { fromParentId: node.parentId, fromName: node.name }
    intents.push({ nodeId: node.id, ...from, toFolder: target.slice(0, -1), toName, conflict })
  }
  const committed = await log.commit((now) => {
    const view = overlay(now)
    const operations = intents.flatMap((intent) => planMove(now, intent, view)?.operations ?? [])
    return operations.length === 0 ? null : { operations, contents: [], collisions: collisionsOf(conflict) }
  }, options.signal)
  await log.flush()
  return sources.map((node) => {
    const fate = committed.rebased ? committed.fateOf(node.id) : null
    if (fate?.outcome === 'refused') throw noLongerFits(fate)
    const names = pathOf(log.state, node.id)
    if (names === null) throw new ClientError('conflict', 'Someone else moved or removed this meanwhile.')
    return formatPath(names)
  })
}

/** Copies many at once, folders with all that is below; returns the path of each copy. */
export async function copyMany(
  context: DriveContext,
  copies: readonly PathPair[],
  options: ManyOptions = {},
): Promise<string[]> {
  const { log } = context
  await log.sync(options.signal)
  const conflict = options.conflict ?? 'replace'
  const view = overlay(log.state)
  const tops: number[] = []
  const intents: WriteIntent[] = []
  for (const { from, to } of copies) {
    const target = conflict === 'keep-both' ? freePlace(log.state, view, to) : to
    tops.push(intents.length)
    for (const intent of copyIntents(context, from, target, { recursive: true, conflict })) intents.push(intent)
  }
  const paths = await commitCopies(context, intents, { conflict, signal: options.signal })
  await log.flush()
  return tops.map((index) => paths[index] ?? '/')
}

/** The path itself, or the first numbered one beside it that neither the vault nor another copy has. */
function freePlace(state: VaultState, view: Overlay, path: string): string {
  const folder = parsePath(path)
  const name = folder.pop()
  const parent = findPath(state, formatPath(folder))?.node
  if (name === undefined || parent === undefined) return path
  const free = view.child(parent.id, name) === null ? name : freeName(view, parent.id, name)
  view.set(parent.id, { id: parent.id, name: free, kind: 'file', versionId: null })
  return formatPath([...folder, free])
}

/** Moves many to the trash at once, folders with all that is below. */
export async function trashMany(
  context: DriveContext,
  paths: readonly string[],
  options: CallOptions = {},
): Promise<void> {
  const { log } = context
  await log.sync(options.signal)
  const nodes = paths.map((path) => needPath(log.state, path).node)
  for (const node of nodes) refuseFixed(log.state, node)
  const keys = keysOf(nodes)
  await log.commit((state) => {
    const operations: Operation[] = []
    for (const key of keys) {
      const node = state.nodes.get(key)
      // Somebody else removed it meanwhile: that is what was wanted.
      if (node === undefined || isInTrash(state, node.id) || liesIn(state, node, keys)) continue
      operations.push({ op: 'trash', nodeId: node.id })
    }
    return operations.length === 0 ? null : { operations, contents: [] }
  }, options.signal)
  await log.flush()
}

/** Takes many out of the trash at once, each to where it was; what lies in another one comes with that. */
export async function restoreMany(
  context: DriveContext,
  nodeIds: readonly string[],
  options: CallOptions = {},
): Promise<Entry[]> {
  const { log } = context
  await log.sync(options.signal)
  const nodes = nodeIds.map((nodeId) => log.state.nodes.get(nodeId) ?? findTrashed(log.state, nodeId))
  const keys = keysOf(nodes)
  await log.commit((state) => {
    const view = overlay(state)
    const operations: Operation[] = []
    const left = [...keys].flatMap((key) => state.nodes.get(key) ?? []).filter(({ id }) => isInTrash(state, id))
    // Folders before what was trashed out of them.
    for (const node of left.sort((a, b) => above(state, a).length - above(state, b).length)) {
      const inRestored = liesIn(state, node, keys)
      // What is in the trash only with a folder above it comes along.
      if (inRestored && node.trashedMs === null) continue
      const parent = inRestored && node.parentId !== null ? { id: node.parentId } : restorePlace(state, node).parent
      const name = view.child(parent.id, node.name) === null ? node.name : freeName(view, parent.id, node.name)
      operations.push(restoration(node, { parent, name }))
      view.set(parent.id, { id: node.id, name, kind: node.kind, versionId: null })
    }
    return operations.length === 0 ? null : { operations, contents: [] }
  }, options.signal)
  await log.flush()
  return nodes.map((node) => restoredEntry(log.state, node))
}

function keysOf(nodes: readonly VaultNode[]): Set<string> {
  return new Set(nodes.map((node) => toHex(node.id)))
}

/** Whether one of the folders above a node is among these. */
function liesIn(state: VaultState, node: VaultNode, keys: ReadonlySet<string>): boolean {
  return above(state, node).some((each) => keys.has(toHex(each.id)))
}

function above(state: VaultState, node: VaultNode): VaultNode[] {
  const found: VaultNode[] = []
  let at = node.parentId === null ? undefined : state.nodes.get(toHex(node.parentId))
  while (at !== undefined) {
    found.push(at)
    at = at.parentId === null ? undefined : state.nodes.get(toHex(at.parentId))
  }
  return found
}
