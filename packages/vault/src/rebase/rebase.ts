import type { AccountId, DeviceId, NodeId, VersionId } from '@strongroom/crypto/envelope'
import { equalBytes } from '@strongroom/crypto/envelope'
import type {
  AddVersionOperation,
  AttachOperation,
  CreateOperation,
  MoveOperation,
  Operation,
  PurgeOperation,
  ReplaceOperation,
  RestoreOperation,
  TrashOperation,
} from '../log/operations.ts'
import { nameCollisionKey } from '../names.ts'
import { type Authorship, applyOperation } from '../state/apply-operation.ts'
import { idKey } from '../state/id-key.ts'
import { isChangeApplied, isInTrash } from '../state/queries.ts'
import type { OperationReason } from '../state/reasons.ts'
import type { MutableState, VaultNode } from '../state/state.ts'
import { begin, rollback, rollbackTo, type Transaction } from '../state/transaction.ts'
import { follow, type Translation } from './follow.ts'
import { type Names, names } from './names.ts'
import type { Rebased, RebaseInput, RebaseOutcome, SeenNode } from './types.ts'

/** Nobody commits the trial. */
const NOBODY: Authorship = {
  accountId: new Uint8Array(16) as Uint8Array as AccountId, // 16 bytes
  deviceId: new Uint8Array(16) as Uint8Array as DeviceId, // 16 bytes
  timeMs: 0,
}

interface Run extends Translation {
  readonly input: RebaseInput
  readonly tx: Transaction
  readonly names: Names
  readonly seen: ReadonlyMap<string, SeenNode>
  /** Nodes trashed only to give their place away, of which somebody else made something else meanwhile. */
  readonly spared: ReadonlySet<string>
  readonly merged: Map<string, NodeId>
  readonly copies: Map<string, NodeId>
  readonly operations: Operation[]
}

/**
 * Replays operations, planned on an older state, on the newest one: each keeps its ids and the intention of whoever
 * planned it, and never hides, replaces or destroys what they had not seen. Pure and deterministic; the same plan is
 * rebased again, not the result, when yet another commit came first.
 *
 * @see spec/vault-log.md §13
 */
export function rebase(input: RebaseInput): Rebased {
  if (isChangeApplied(input.state, input.changeId)) {
    const outcomes = input.operations.map(() => dropped(null, 'change_known'))
    return { operations: [], outcomes, follow: (later) => later }
  }
  // Every VaultState is made by this package, as a MutableState; all changes are rolled back before returning.
  const tx = begin(input.state as MutableState)
  const seen = new Map(input.seen.map((node) => [idKey(node.nodeId), node]))
  const run: Run = {
    input,
    tx,
    names: names(input.state, input.label),
    seen,
    spared: sparedNodes(input, seen),
    merged: new Map(),
    left: new Map(),
    copies: new Map(),
    operations: [],
  }
  try {
    const outcomes = input.operations.map((operation) => rebaseOperation(run, operation))
    return { operations: run.operations, outcomes, follow: (later) => follow(later, run) }
  } finally {
    rollback(tx)
  }
}

function rebaseOperation(run: Run, operation: Operation): RebaseOutcome {
  switch (operation.op) {
    case 'create':
      return rebaseCreate(run, operation)
    case 'addVersion':
      return rebaseAddVersion(run, operation)
    case 'move':
      return rebaseMove(run, operation)
    case 'trash':
      return rebaseTrash(run, operation)
    case 'restore':
      return rebaseRestore(run, operation)
    case 'purge':
      return rebasePurge(run, operation)
    case 'attach':
    case 'replace':
      return rebaseContent(run, operation)
    case 'record':
      return settle(run, operation, operation, null)
  }
}

const dropped = (nodeId: NodeId | null, reason: RebaseOutcome['reason'] = null): RebaseOutcome => ({
  outcome: 'dropped',
  reason,
  nodeId,
})
const refused = (nodeId: NodeId | null, reason: OperationReason): RebaseOutcome => ({
  outcome: 'refused',
  reason,
  nodeId,
})

/** Applies an operation to the trial; a reason means that nothing has changed. */
function attempt(run: Run, operation: Operation): OperationReason | null {
  const mark = run.tx.undo.length
  const reason = applyOperation(run.tx, operation, NOBODY)
  if (reason !== null) {
    rollbackTo(run.tx, mark)
    return reason
  }
  run.operations.push(operation)
  if ('nodeId' in operation) {
    const node = nodeOf(run, operation.nodeId)
    if (node !== undefined) run.names.placed(node)
  }
  return null
}

/** Applies what became of an operation, or refuses it. */
function settle(run: Run, planned: Operation, now: Operation, nodeId: NodeId | null): RebaseOutcome {
  const reason = attempt(run, now)
  if (reason !== null) return refused(nodeId, reason)
  return { outcome: now === planned ? 'kept' : 'changed', reason: null, nodeId }
}

function nodeOf(run: Run, nodeId: NodeId): VaultNode | undefined {
  return run.tx.state.nodes.get(idKey(nodeId))
}

/** The folder that an id means now. */
function folderOf(run: Run, nodeId: NodeId): NodeId {
  return run.merged.get(idKey(nodeId)) ?? nodeId
}

function rebaseCreate(run: Run, operation: CreateOperation): RebaseOutcome {
  const { nodeId, name } = operation
  const parentId = folderOf(run, operation.parentId)
  const parentLeft = run.left.get(idKey(parentId))
  if (parentLeft !== undefined) return leave(run, nodeId, parentLeft)
  if (nodeOf(run, nodeId) !== undefined) return dropped(nodeId, 'node_exists')
  const rival = run.names.rival(parentId, name, '')
  if (rival === null) {
    return created(run, operation, parentId === operation.parentId ? operation : { ...operation, parentId })
  }
  if (rival.kind === 'folder' && operation.kind === 'folder') {
    run.merged.set(idKey(nodeId), rival.id)
    return dropped(rival.id)
  }
  if (rival.kind === 'symlink' && operation.kind === 'symlink' && rival.target === operation.target) {
    return leave(run, nodeId, dropped(rival.id))
  }
  if (run.input.collisions === 'skip' && operation.kind !== 'folder') {
    return leave(run, nodeId, dropped(rival.id, 'name_taken'))
  }
  return created(run, operation, { ...operation, parentId, name: run.names.free(parentId, name, '') })
}

function created(run: Run, planned: CreateOperation, now: CreateOperation): RebaseOutcome {
  const reason = attempt(run, now)
  if (reason !== null) return leave(run, now.nodeId, refused(now.nodeId, reason))
  return { outcome: now === planned ? 'kept' : 'changed', reason: null, nodeId: now.nodeId }
}

/** Leaves out what would be in, or a version of, something that is left out. */
function leave(run: Run, nodeId: NodeId, outcome: RebaseOutcome): RebaseOutcome {
  run.left.set(idKey(nodeId), outcome)
  return outcome
}

function rebaseAddVersion(run: Run, operation: AddVersionOperation): RebaseOutcome {
  const { baseVersionId, versionId } = operation
  const copy = baseVersionId === null ? undefined : run.copies.get(idKey(baseVersionId))
  const nodeId = copy ?? operation.nodeId
  const nodeLeft = run.left.get(idKey(nodeId))
  if (nodeLeft !== undefined) return nodeLeft
  const node = nodeOf(run, nodeId)
  if (node?.versions.some((version) => equalBytes(version.id, versionId))) return dropped(nodeId, 'version_exists')
  if (node !== undefined && !isInTrash(run.tx.state, nodeId)) {
    const now = copy === undefined ? operation : { ...operation, nodeId }
    const reason = attempt(run, now)
    if (reason === null) return { outcome: copy === undefined ? 'kept' : 'changed', reason: null, nodeId }
    if (reason !== 'base_not_current' || node.parentId === null) return refused(nodeId, reason)
    const name = run.names.free(node.parentId, node.name, '')
    return conflictCopy(run, operation, { parentId: node.parentId, name, reason })
  }
  const seen = run.seen.get(idKey(operation.nodeId))
  if (seen === undefined) return refused(nodeId, 'node_unknown')
  const taken = run.names.rival(seen.parentId, seen.name, '') !== null
  const name = taken ? run.names.free(seen.parentId, seen.name, '') : seen.name
  const reason = node === undefined ? 'node_unknown' : 'node_trashed'
  return conflictCopy(run, operation, { parentId: seen.parentId, name, reason })
}

/** Puts a version into a new file, whose id is the version's: it is random, and the same in every rebase. */
function conflictCopy(
  run: Run,
  operation: AddVersionOperation,
  place: { parentId: NodeId; name: string; reason: OperationReason },
): RebaseOutcome {
  const { parentId, name, reason } = place
  const nodeId = operation.versionId as Uint8Array as NodeId // 16 random bytes
  if (nodeOf(run, nodeId) !== undefined) return dropped(nodeId, 'version_exists')
  const mark = run.tx.undo.length
  const length = run.operations.length
  const failure =
    attempt(run, { op: 'create', nodeId, parentId, name, kind: 'file' }) ??
    attempt(run, { ...operation, nodeId, baseVersionId: null })
  if (failure !== null) {
    rollbackTo(run.tx, mark)
    run.operations.length = length
    return refused(nodeId, failure)
  }
  run.copies.set(idKey(operation.versionId), nodeId)
  return { outcome: 'changed', reason, nodeId }
}

function rebaseMove(run: Run, operation: MoveOperation): RebaseOutcome {
  const { nodeId, fromParentId, fromName } = operation
  const node = nodeOf(run, nodeId)
  if (node === undefined) return dropped(nodeId, 'node_unknown')
  if (node.parentId === null) return refused(nodeId, 'fixed_folder')
  if (node.trashedMs !== null) return dropped(nodeId, 'node_trashed')
  // A move that keeps the name keeps whatever name it has now; a rename that keeps the folder likewise.
  const toParentId = equalBytes(operation.toParentId, fromParentId)
    ? node.parentId
    : folderOf(run, operation.toParentId)
  const wanted = operation.toName === fromName ? node.name : operation.toName
  if (equalBytes(toParentId, node.parentId) && wanted === node.name) return dropped(nodeId)
  const key = idKey(nodeId)
  const collides = run.names.rival(toParentId, wanted, key) !== null
  if (collides && run.input.collisions === 'skip') return dropped(nodeId, 'name_taken')
  const toName = collides ? run.names.free(toParentId, wanted, key) : wanted
  const same =
    toName === operation.toName &&
    equalBytes(toParentId, operation.toParentId) &&
    node.name === fromName &&
    equalBytes(node.parentId, fromParentId)
  const now = { ...operation, fromParentId: node.parentId, fromName: node.name, toParentId, toName }
  return settle(run, operation, same ? operation : now, nodeId)
}

function rebaseTrash(run: Run, operation: TrashOperation): RebaseOutcome {
  const { nodeId } = operation
  const node = nodeOf(run, nodeId)
  if (node === undefined) return dropped(nodeId, 'node_unknown')
  if (node.trashedMs !== null) return dropped(nodeId, 'node_trashed')
  if (run.spared.has(idKey(nodeId))) return dropped(nodeId, 'place_differs')
  return settle(run, operation, operation, nodeId)
}

function isAsSeen(node: VaultNode, seen: SeenNode): boolean {
  const current = node.versions.at(-1)?.id ?? null
  const sameVersion =
    current === null || seen.versionId === null ? current === seen.versionId : equalBytes(current, seen.versionId)
  return sameVersion && node.name === seen.name && node.parentId !== null && equalBytes(node.parentId, seen.parentId)
}

/** Trashed nodes whose place something else in the plan takes, and that are no longer as the user saw them. */
function sparedNodes(input: RebaseInput, seen: ReadonlyMap<string, SeenNode>): Set<string> {
  const place = (parentId: NodeId, name: string): string => `${idKey(parentId)}/${nameCollisionKey(name)}`
  const taken = new Set<string>()
  for (const operation of input.operations) {
    if (operation.op === 'create') taken.add(place(operation.parentId, operation.name))
    if (operation.op === 'move') taken.add(place(operation.toParentId, operation.toName))
  }
  const spared = new Set<string>()
  for (const operation of input.operations) {
    if (operation.op !== 'trash') continue
    const key = idKey(operation.nodeId)
    const before = seen.get(key)
    const node = input.state.nodes.get(key)
    if (before === undefined || node === undefined || !taken.has(place(before.parentId, before.name))) continue
    if (!isAsSeen(node, before)) spared.add(key)
  }
  return spared
}

function rebaseRestore(run: Run, operation: RestoreOperation): RebaseOutcome {
  const { nodeId, name } = operation
  const node = nodeOf(run, nodeId)
  if (node === undefined) return dropped(nodeId, 'node_unknown')
  if (node.trashedMs === null) return dropped(nodeId, 'not_trashed')
  const parentId = folderOf(run, operation.parentId)
  const key = idKey(nodeId)
  const collides = run.names.rival(parentId, name, key) !== null
  if (collides && run.input.collisions === 'skip') return dropped(nodeId, 'name_taken')
  const same = !collides && equalBytes(parentId, operation.parentId)
  const now = { ...operation, parentId, name: collides ? run.names.free(parentId, name, key) : name }
  return settle(run, operation, same ? operation : now, nodeId)
}

/** The lists stay as their user saw them: the reducer takes nothing else, and moves the rest to Recovered. */
function rebasePurge(run: Run, operation: PurgeOperation): RebaseOutcome {
  const { nodes } = run.tx.state
  const isThere = operation.nodeIds.some((id) => nodes.has(idKey(id))) || operation.versionIds.some(isKept(run))
  if (!isThere) return dropped(null, 'node_unknown')
  return settle(run, operation, operation, null)
}

function isKept(run: Run): (listed: { nodeId: NodeId; versionId: VersionId }) => boolean {
  return ({ nodeId, versionId }) =>
    nodeOf(run, nodeId)?.versions.some((version) => equalBytes(version.id, versionId)) ?? false
}

/** Attached and replaced contents follow their version; without it, or once changed, nothing is left to do. */
function rebaseContent(run: Run, operation: AttachOperation | ReplaceOperation): RebaseOutcome {
  const copy = run.copies.get(idKey(operation.versionId))
  const nodeId = copy ?? operation.nodeId
  const reason = attempt(run, copy === undefined ? operation : { ...operation, nodeId })
  if (reason !== null) return dropped(nodeId, reason)
  return { outcome: copy === undefined ? 'kept' : 'changed', reason: null, nodeId }
}
