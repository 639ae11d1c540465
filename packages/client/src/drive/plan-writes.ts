import { type NodeId, toHex, type VersionId } from '@strongroom/crypto'
import {
  type ContentRecord,
  conflictName,
  MAX_DEPTH,
  type Operation,
  type OperationReason,
  type VaultState,
} from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { UploadedContent } from '../upload/types.ts'
import { type Child, freeName, type Overlay, overlay } from './overlay.ts'
import { formatPath } from './paths.ts'
import type { Conflict } from './types.ts'

/** What a file's content comes from: a fresh upload, or records of a version that exists. */
export type IntentContent = { readonly upload: UploadedContent } | { readonly records: readonly ContentRecord[] }

/** Something to be in the tree. Ids are chosen before the first try and survive every new plan. */
export type WriteIntent = FolderIntent | SymlinkIntent | FileIntent

interface IntentBase {
  readonly names: readonly string[]
  readonly nodeId: NodeId
  /** Makes missing folders above it, under ids that are remembered here. */
  readonly parents: Map<string, NodeId> | null
}

export interface FolderIntent extends IntentBase {
  readonly kind: 'folder'
}

export interface SymlinkIntent extends IntentBase {
  readonly kind: 'symlink'
  readonly target: string
  readonly conflict: Conflict
}

export interface FileIntent extends IntentBase {
  readonly kind: 'file'
  readonly versionId: VersionId
  readonly content: IntentContent
  readonly mtimeMs: number
  readonly mode: number | null
  readonly conflict: Conflict
  /** Hex of the version that the first plan saw, or null for none: what a new version may replace. */
  base: { versionId: string | null } | null
}

/** What becomes of an intent. */
export type WriteOutcome =
  | { readonly outcome: 'created' | 'replaced' | 'skipped'; readonly path: string; readonly nodeId: NodeId }
  | { readonly outcome: 'failed'; readonly error: ClientError }

export interface WritePlan {
  readonly operations: Operation[]
  readonly contents: UploadedContent[]
  /** One for each intent, in order. */
  readonly outcomes: WriteOutcome[]
}

export interface WriteContext {
  readonly newNodeId: () => NodeId
  /** Names a conflict copy. */
  readonly deviceName: string
  readonly nowMs: number
}

/**
 * Turns intents into operations on a state. What the first plan, before the upload, saw as the current version of a
 * file is kept; if that is no longer current in a later plan, the content becomes a conflict copy instead of hiding
 * someone's change.
 */
export function planWrites(state: VaultState, intents: readonly WriteIntent[], context: WriteContext): WritePlan {
  const plan: WritePlan = { operations: [], contents: [], outcomes: [] }
  const view = overlay(state)
  for (const intent of intents) {
    try {
      plan.outcomes.push(planIntent(plan, view, intent, context))
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      plan.outcomes.push({ outcome: 'failed', error })
    }
  }
  return plan
}

/**
 * Refuses a path that lies too deep to be made.
 *
 * Reason: what the vault refuses of a commit takes everything with it that is to be committed together.
 *
 * @throws ClientError `conflict`
 */
export function checkDepth(names: readonly string[]): void {
  if (names.length - 1 > MAX_DEPTH) throw doesNotFit('Too many folders lie above it.', 'too_deep')
}

function doesNotFit(message: string, reason: OperationReason): ClientError {
  return new ClientError('conflict', message, { details: { reason } })
}

function planIntent(plan: WritePlan, view: Overlay, intent: WriteIntent, context: WriteContext): WriteOutcome {
  checkDepth(intent.names)
  const name = intent.names.at(-1)
  if (name === undefined) {
    if (intent.kind !== 'folder') throw new ClientError('is_a_folder', 'The target is the root folder.')
    return { outcome: 'skipped', path: '/', nodeId: view.rootId }
  }
  const parent = planParent(plan, view, intent, context)
  const existing = view.child(parent, name)
  switch (intent.kind) {
    case 'folder':
      return planFolder(plan, view, intent, { parent, name, existing })
    case 'symlink':
      return planSymlink(plan, view, intent, { parent, name, existing })
    case 'file':
      return planFile(plan, view, intent, { parent, name, existing, context })
  }
}

interface Spot {
  readonly parent: NodeId
  readonly name: string
  readonly existing: Child | null
}

function planParent(plan: WritePlan, view: Overlay, intent: WriteIntent, context: WriteContext): NodeId {
  let at = view.rootId
  for (const [depth, name] of intent.names.slice(0, -1).entries()) {
    const child = view.child(at, name)
    if (child !== null) {
      if (child.kind !== 'folder') throw new ClientError('not_a_folder', 'A part of the path is not a folder.')
      at = child.id
      continue
    }
    if (intent.parents === null) throw new ClientError('not_found', 'The folder does not exist.')
    const key = formatPath(intent.names.slice(0, depth + 1))
    const nodeId = intent.parents.get(key) ?? context.newNodeId()
    intent.parents.set(key, nodeId)
    create(plan, view, { op: 'create', nodeId, parentId: at, name, kind: 'folder' })
    at = nodeId
  }
  return at
}

function planFolder(plan: WritePlan, view: Overlay, intent: FolderIntent, spot: Spot): WriteOutcome {
  const path = formatPath(intent.names)
  if (spot.existing !== null) {
    if (spot.existing.kind !== 'folder')
      throw new ClientError('not_a_folder', 'A file stands where a folder has to be.')
    return { outcome: 'skipped', path, nodeId: spot.existing.id }
  }
  create(plan, view, { op: 'create', nodeId: intent.nodeId, parentId: spot.parent, name: spot.name, kind: 'folder' })
  return { outcome: 'created', path, nodeId: intent.nodeId }
}

function planSymlink(plan: WritePlan, view: Overlay, intent: SymlinkIntent, spot: Spot): WriteOutcome {
  const { parent, existing } = spot
  let name = spot.name
  let outcome: 'created' | 'replaced' = 'created'
  if (existing !== null) {
    if (intent.conflict === 'skip' || view.linkTarget(existing) === intent.target) {
      return { outcome: 'skipped', path: formatPath(intent.names), nodeId: existing.id }
    }
    if (existing.kind === 'folder') throw new ClientError('is_a_folder', 'A folder stands where a link has to be.')
    if (intent.conflict === 'keep-both') name = freeName(view, parent, name)
    else {
      trash(plan, view, parent, existing)
      outcome = 'replaced'
    }
  }
  const { nodeId, target } = intent
  create(plan, view, { op: 'create', nodeId, parentId: parent, name, kind: 'symlink', target })
  return { outcome, path: formatPath([...intent.names.slice(0, -1), name]), nodeId }
}

function planFile(
  plan: WritePlan,
  view: Overlay,
  intent: FileIntent,
  spot: Spot & { context: WriteContext },
): WriteOutcome {
  const { parent, existing, context } = spot
  const folder = intent.names.slice(0, -1)
  const first = intent.base === null
  intent.base ??= { versionId: existing?.versionId ?? null }
  if (existing === null) return createFile(plan, view, intent, { parent, name: spot.name, folder })
  // An earlier part of a change that is made again.
  if (existing.versionId === toHex(intent.versionId)) {
    return { outcome: 'created', path: formatPath(intent.names), nodeId: existing.id }
  }
  if (existing.kind === 'folder') throw new ClientError('is_a_folder', 'A folder stands where a file has to be.')
  if (intent.conflict === 'skip') return { outcome: 'skipped', path: formatPath(intent.names), nodeId: existing.id }
  if (intent.conflict === 'keep-both') {
    return createFile(plan, view, intent, { parent, name: freeName(view, parent, spot.name), folder })
  }
  if (!first && existing.versionId !== intent.base.versionId) {
    const name = conflictName(spot.name, { deviceName: context.deviceName, timeMs: context.nowMs })
    const free = view.child(parent, name) === null ? name : freeName(view, parent, name)
    return createFile(plan, view, intent, { parent, name: free, folder })
  }
  if (existing.kind !== 'file') {
    trash(plan, view, parent, existing)
    const created = createFile(plan, view, intent, { parent, name: spot.name, folder })
    return created.outcome === 'created' ? { ...created, outcome: 'replaced' } : created
  }
  if (view.isFull(existing)) throw doesNotFit('The file has as many versions as a file can have.', 'too_many_versions')
  addVersion(plan, view, intent, { parent, name: existing.name, nodeId: existing.id, base: existing.versionId })
  return { outcome: 'replaced', path: formatPath([...folder, existing.name]), nodeId: existing.id }
}

function createFile(
  plan: WritePlan,
  view: Overlay,
  intent: FileIntent,
  place: { parent: NodeId; name: string; folder: readonly string[] },
): WriteOutcome {
  const { parent, name, folder } = place
  const { nodeId } = intent
  create(plan, view, { op: 'create', nodeId, parentId: parent, name, kind: 'file' })
  addVersion(plan, view, intent, { parent, name, nodeId, base: null })
  return { outcome: 'created', path: formatPath([...folder, name]), nodeId }
}

function addVersion(
  plan: WritePlan,
  view: Overlay,
  intent: FileIntent,
  place: { parent: NodeId; name: string; nodeId: NodeId; base: string | null },
): void {
  const { content, versionId, mode } = intent
  const later = 'upload' in content ? content.upload.laterMtimeMs : null
  const mtimeMs = later === null ? intent.mtimeMs : Math.trunc(later)
  const base = place.base === null ? null : view.versionId(place.base)
  const contents = 'upload' in content ? [contentRecord(content.upload)] : [...content.records]
  plan.operations.push({
    op: 'addVersion',
    nodeId: place.nodeId,
    versionId,
    baseVersionId: base,
    contents,
    mtimeMs,
    mode,
  })
  if ('upload' in content && !content.upload.inVault) plan.contents.push(content.upload)
  view.set(place.parent, { id: place.nodeId, name: place.name, kind: 'file', versionId: toHex(versionId) }, versionId)
}

/** The signed record of an uploaded content. */
export function contentRecord(upload: UploadedContent): ContentRecord {
  const { blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs } = upload
  return { slot: 'main', blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs }
}

function create(plan: WritePlan, view: Overlay, operation: Extract<Operation, { op: 'create' }>): void {
  plan.operations.push(operation)
  const { nodeId, name, kind } = operation
  view.set(operation.parentId, { id: nodeId, name, kind, versionId: null })
}

function trash(plan: WritePlan, view: Overlay, parent: NodeId, child: Child): void {
  plan.operations.push({ op: 'trash', nodeId: child.id })
  view.remove(parent, child.name)
}
