import { equalBytes, type NodeId, toHex } from '@strongroom/crypto'
import { currentVersion, pathOf, subtreeOf, type VaultNode, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { Planner } from '../vault-log/types.ts'
import { type DriveContext, newNodeId, newVersionId, writeContext } from './context.ts'
import { GONE_COPY, goneBlobs } from './gone.ts'
import { childOf, descendants, entryOf, type Found, findPath, needPath } from './lookup.ts'
import { formatPath, parsePath } from './paths.ts'
import { planMove } from './plan-move.ts'
import { planWrites, type WriteIntent, type WriteOutcome } from './plan-writes.ts'
import { purgeNodes } from './purge.ts'
import { collisionsOf, noLongerFits, settled } from './settled.ts'
import type { CallOptions, Conflict, Entry } from './types.ts'

/** Items that one commit of a copy takes. */
const COMMIT_ITEMS = 1000

/** Makes a folder. */
export async function makeFolder(
  context: DriveContext,
  path: string,
  options: CallOptions & { parents?: boolean } = {},
): Promise<void> {
  const names = parsePath(path)
  await context.log.sync(options.signal)
  const parents = options.parents ? new Map<string, NodeId>() : null
  const intent: WriteIntent = { kind: 'folder', names, nodeId: newNodeId(context), parents }
  const exists = () => {
    const details = { reason: 'folder_exists' }
    return new ClientError('exists', 'There is a folder of that name already.', { details })
  }
  const committed = await context.log.commit((state) => {
    const plan = planWrites(state, [intent], writeContext(context))
    const outcome = plan.outcomes[0]
    if (outcome?.outcome === 'failed') throw outcome.error
    if (outcome?.outcome === 'skipped' && !options.parents) throw exists()
    return plan
  }, options.signal)
  await context.log.flush()
  const fate = committed.fateOf(intent.nodeId)
  if (fate?.outcome === 'refused') throw noLongerFits(fate)
  if (fate?.outcome === 'dropped' && !options.parents) throw exists()
}

/** Where a move or copy ends: inside an existing folder, or under the new name. */
function destination(state: VaultState, source: Found, to: string): string[] {
  const found = findPath(state, to)
  const isOther = found !== null && !equalBytes(found.node.id, source.node.id)
  if (isOther && found.node.kind === 'folder') return [...found.names, source.names.at(-1) ?? '']
  return parsePath(to)
}

export function refuseFixed(state: VaultState, node: VaultNode): void {
  if (equalBytes(node.id, state.rootId) || equalBytes(node.id, state.recoveredId)) {
    throw new ClientError('usage', 'This folder cannot be moved or removed.')
  }
}

/** Moves or renames. */
export async function movePath(
  context: DriveContext,
  from: string,
  to: string,
  options: CallOptions & { conflict?: Conflict } = {},
): Promise<Entry> {
  const { log } = context
  await log.sync(options.signal)
  const source = needPath(log.state, from)
  const { node } = source
  refuseFixed(log.state, node)
  if (node.parentId === null) throw new Error('only fixed folders have no parent')
  const target = destination(log.state, source, to)
  const toName = target.at(-1)
  if (toName === undefined) throw new ClientError('usage', 'The target is the root folder.')
  const intent = {
    nodeId: node.id,
    fromParentId: node.parentId,
    fromName: node.name,
    toFolder: target.slice(0, -1),
    toName,
    conflict: options.conflict ?? 'replace',
  }
  let names = [...source.names]
  const committed = await log.commit((state) => {
    const plan = planMove(state, intent)
    if (plan === null) return null
    names = plan.names
    return { operations: plan.operations, contents: [], collisions: collisionsOf(intent.conflict) }
  }, options.signal)
  await log.flush()
  const fate = committed.rebased ? committed.fateOf(node.id) : null
  if (fate?.outcome === 'refused') throw noLongerFits(fate)
  const now = fate === null ? names : pathOf(log.state, node.id)
  if (now === null) throw new ClientError('conflict', 'Someone else moved or removed this meanwhile.')
  return needEntry(log.state, formatPath(now))
}

/** Copies: new nodes name the same blobs, so nothing is uploaded and nothing is encrypted again. */
export async function copyPath(
  context: DriveContext,
  from: string,
  to: string,
  options: CallOptions & { recursive?: boolean; conflict?: Conflict } = {},
): Promise<Entry> {
  await context.log.sync(options.signal)
  const intents = copyIntents(context, from, to, options)
  const [path] = await commitCopies(context, intents, options)
  await context.log.flush()
  if (path === undefined) throw new Error('a copy has a path')
  return needEntry(context.log.state, path)
}

/** What a copy writes: the top first. @throws ClientError `not_found`, `is_a_folder`, `usage` */
export function copyIntents(
  context: DriveContext,
  from: string,
  to: string,
  { recursive, conflict = 'replace' }: { recursive?: boolean; conflict?: Conflict },
): WriteIntent[] {
  const { state } = context.log
  const source = needPath(state, from)
  if (source.node.kind === 'folder' && !recursive) throw new ClientError('is_a_folder', 'This is a folder.')
  const target = destination(state, source, to)
  if (target.length === 0) throw new ClientError('usage', 'The target is the root folder.')
  refuseInside(state, source, target)
  const intents: WriteIntent[] = []
  const add = (found: Found, names: string[]) => {
    const intent = copyIntent(context, found, names, conflict)
    if (intent !== null) intents.push(intent)
  }
  add(source, target)
  if (source.node.kind === 'folder') {
    for (const found of descendants(state, source)) {
      add(found, [...target, ...found.names.slice(source.names.length)])
    }
  }
  return intents
}

/** Commits copies, a thousand at a time; returns where each of them ended. */
export async function commitCopies(
  context: DriveContext,
  intents: readonly WriteIntent[],
  { conflict = 'replace', signal }: CallOptions & { conflict?: Conflict },
): Promise<string[]> {
  const { log } = context
  const paths: string[] = []
  for (let start = 0; start < intents.length; start += COMMIT_ITEMS) {
    const batch = intents.slice(start, start + COMMIT_ITEMS)
    let outcomes: readonly WriteOutcome[] = []
    const plan: Planner = (state) => {
      const planned = planWrites(state, batch, writeContext(context))
      outcomes = planned.outcomes
      for (const outcome of outcomes) if (outcome.outcome === 'failed') throw outcome.error
      return { ...planned, collisions: collisionsOf(conflict) }
    }
    const committed = await log.commit(plan, signal).catch((cause: unknown) => {
      throw goneBlobs(cause) === null ? cause : new ClientError('conflict', GONE_COPY, { cause })
    })
    for (const [index, intent] of batch.entries()) {
      const planned = outcomes[index]
      if (planned === undefined) continue
      const outcome = settled(log.state, intent, planned, committed)
      if (outcome.outcome === 'failed') throw outcome.error
      paths.push(outcome.path)
    }
  }
  return paths
}

function copyIntent(context: DriveContext, { node }: Found, names: string[], conflict: Conflict): WriteIntent | null {
  const common = { names, nodeId: newNodeId(context), parents: null }
  if (node.kind === 'folder') return { ...common, kind: 'folder' }
  if (node.kind === 'symlink') return { ...common, kind: 'symlink', target: node.target, conflict }
  const version = currentVersion(node)
  if (node.kind !== 'file' || version === null) return null
  return {
    ...common,
    kind: 'file',
    versionId: newVersionId(context),
    content: { records: version.contents },
    mtimeMs: version.mtimeMs,
    mode: version.mode,
    conflict,
    base: null,
  }
}

function refuseInside(state: VaultState, source: Found, target: readonly string[]): void {
  let found: Found | null = { node: needPath(state, '/').node, names: [] }
  for (const name of target) {
    if (found === null) return
    const child: VaultNode | null = childOf(state, found.node, name)
    found = child === null ? null : { node: child, names: [...found.names, name] }
    if (found !== null && equalBytes(found.node.id, source.node.id)) {
      throw new ClientError('usage', 'Source and target are the same, or one is inside the other.')
    }
  }
}

/** Moves to the trash. */
export async function trashPath(
  context: DriveContext,
  path: string,
  options: CallOptions & { recursive?: boolean } = {},
): Promise<void> {
  const node = await removable(context, path, options)
  await context.log.commit((state) => {
    const now = state.nodes.get(toHex(node.id))
    // Somebody else removed it meanwhile: that is what was wanted.
    if (now === undefined || now.trashedMs !== null) return null
    return { operations: [{ op: 'trash', nodeId: node.id }], contents: [] }
  }, options.signal)
  await context.log.flush()
}

/**
 * Destroys a node with all below it, as it is now: what others put there meanwhile is not listed and moves to
 * Recovered.
 */
export async function purgePath(
  context: DriveContext,
  path: string,
  options: CallOptions & { recursive?: boolean } = {},
): Promise<void> {
  const top = await removable(context, path, options)
  // Deepest first, so that each commit is valid alone.
  await purgeNodes(context, subtreeOf(context.log.state, top.id), options.signal)
  await context.log.flush()
}

async function removable(
  context: DriveContext,
  path: string,
  options: CallOptions & { recursive?: boolean },
): Promise<VaultNode> {
  await context.log.sync(options.signal)
  const { node } = needPath(context.log.state, path)
  refuseFixed(context.log.state, node)
  if (node.kind === 'folder' && !options.recursive) throw new ClientError('is_a_folder', 'This is a folder.')
  return node
}

/** The entry at a path. @throws ClientError `not_found` */
export function needEntry(state: VaultState, path: string): Entry {
  const entry = entryOf(needPath(state, path))
  if (entry === null) throw new ClientError('upgrade_required', 'This was made by a newer client.')
  return entry
}
