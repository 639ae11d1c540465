import type { NodeId } from '@strongroom/crypto/envelope'
import { equalBytes } from '@strongroom/crypto/envelope'
import { decodeCbor, encodeCbor, shapes } from '../header/cbor.ts'
import { VaultError } from '../header/errors.ts'
import { encodeContent, encodeShape } from '../log/body-codec.ts'
import { cloneState, type DeltaBase } from '../state/clone.ts'
import type { ColumnReaders, ColumnWriters } from '../state/column-names.ts'
import { COLUMNS } from '../state/column-names.ts'
import { ColumnReader } from '../state/column-reader.ts'
import { ColumnWriter } from '../state/column-writer.ts'
import { idKey } from '../state/id-key.ts'
import { readLedger, writeLedger } from '../state/ledger-columns.ts'
import { readIds, readRows, writeRows } from '../state/node-columns.ts'
import { byteStrings } from '../state/numbers.ts'
import type { MutableState, VaultNode, VaultState, VaultVersion } from '../state/state.ts'
import { keysThatDiffer } from '../state/table.ts'
import type { Transaction } from '../state/transaction.ts'
import { begin, countContents, putNode, removeNode } from '../state/transaction.ts'

const MAGIC = 'SRD1'
/** Columns of a delta: all but the vault's, which the place stands for. */
const DELTA_COLUMNS = COLUMNS.slice(1)

/**
 * Encodes what changed from one state of a vault to a later one.
 *
 * @throws VaultError `checkpoint_invalid` when they are not two states of one vault, in this order
 */
export function encodeDelta(from: DeltaBase, to: VaultState): Uint8Array {
  if (!equalBytes(from.vaultId, to.vaultId) || from.seq > to.seq) throw new VaultError('checkpoint_invalid', 'place')
  const place = new ColumnWriter()
  place.bytes(to.vaultId)
  place.i64(from.seq)
  place.i64(to.seq)
  const gone: string[] = []
  const changed: [string, VaultNode][] = []
  for (const key of keysThatDiffer(from.nodes, to.nodes)) {
    const [before, node] = [from.nodes.get(key), to.nodes.get(key)]
    if (node === undefined) {
      if (before !== undefined) gone.push(key)
    } else if (node.parentId !== null && before !== node && (before === undefined || !sameNode(before, node))) {
      changed.push([key, node])
    }
  }
  const removed = new ColumnWriter()
  for (const key of gone.sort()) removed.bytes(from.nodes.get(key)?.id ?? new Uint8Array(0))
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, new ColumnWriter()])) as ColumnWriters // all names
  const nodes = changed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, node]) => node)
  writeRows(columns, nodes, (parentId) => columns.parents.bytes(parentId))
  writeLedger(columns, to)
  return encodeCbor([MAGIC, place.take(), removed.take(), ...DELTA_COLUMNS.map((name) => columns[name].take())])
}

/** Whether two nodes have the same columns: states of different origin do not share objects. */
function sameNode(a: VaultNode, b: VaultNode): boolean {
  const [kindA, payloadA] = encodeShape(a)
  const [kindB, payloadB] = encodeShape(b)
  return (
    a.name === b.name &&
    equalBytes(a.parentId ?? a.id, b.parentId ?? b.id) &&
    a.createdMs === b.createdMs &&
    a.trashedMs === b.trashedMs &&
    kindA === kindB &&
    equalBytes(payloadA, payloadB) &&
    a.versions.length === b.versions.length &&
    a.versions.every((version, index) => sameVersion(version, b.versions[index]))
  )
}

function sameVersion(a: VaultVersion, b: VaultVersion | undefined): boolean {
  return (
    b !== undefined &&
    equalBytes(a.id, b.id) &&
    a.mtimeMs === b.mtimeMs &&
    a.mode === b.mode &&
    a.timeMs === b.timeMs &&
    equalBytes(a.accountId, b.accountId) &&
    equalBytes(a.deviceId, b.deviceId) &&
    equalBytes(encodeCbor(a.contents.map(encodeContent)), encodeCbor(b.contents.map(encodeContent)))
  )
}

/**
 * Applies deltas, oldest first, to the state of a base, which is left as it is.
 *
 * @throws VaultError `checkpoint_invalid` for anything that `encodeDelta` would not have made, or `upgrade_required`
 */
export function applyDeltas(base: VaultState, deltas: readonly Uint8Array[]): VaultState {
  const state = cloneState(base)
  for (const bytes of deltas) applyDelta(state, bytes)
  return state
}

/**
 * Applies a delta to a state that was decoded or made by commits, in place; after a throw the state must be dropped.
 *
 * @throws VaultError as `applyDeltas`
 */
export function applyDelta(state: VaultState, bytes: Uint8Array): void {
  try {
    // Every VaultState is made by this package, as a MutableState.
    change(state as MutableState, bytes)
  } catch (cause) {
    if (!(cause instanceof VaultError) || cause.code === 'upgrade_required') throw cause
    throw new VaultError('checkpoint_invalid', cause.reason ?? 'delta', { cause })
  }
}

function change(state: MutableState, bytes: Uint8Array): void {
  const { place, removed, columns } = readColumns(bytes)
  const [vaultId, from, to] = [place.bytes(16), place.i64(), place.i64()]
  const follows = equalBytes(vaultId, state.vaultId) && from === state.seq && to >= from
  if (!follows) throw new VaultError('checkpoint_invalid', 'place')
  const gone = readIds(removed).map((id) => {
    const node = state.nodes.get(idKey(id))
    if (node === undefined || node.parentId === null) throw new VaultError('checkpoint_invalid', 'removed')
    return node
  })
  const parents = byteStrings(columns.parents.rest(), 16, columns.nodeIds.count(16))
  const nodes = readRows(columns, (row) => parents(row) as NodeId) // taken from its place
  state.seq = to
  replaceNodes(state, gone, nodes)
  state.records.clear()
  state.changeIds.clear()
  state.imbalance.clear()
  state.checkpoint = null
  readLedger(columns, state)
  for (const reader of [place, removed, ...Object.values(columns)]) {
    if (!reader.atEnd) throw new VaultError('checkpoint_invalid', 'length')
  }
}

function readColumns(bytes: Uint8Array): { place: ColumnReader; removed: ColumnReader; columns: ColumnReaders } {
  const shape = shapes('checkpoint_invalid')
  const value = decodeCbor(bytes, 'checkpoint_invalid')
  if (!Array.isArray(value)) throw new VaultError('checkpoint_invalid', 'shape')
  if (shape.text(value[0], /^SRD[0-9]$/) !== MAGIC) throw new VaultError('upgrade_required', 'delta version')
  const [, ...items] = shape.tuple(value, DELTA_COLUMNS.length + 3)
  const read = (index: number): ColumnReader => new ColumnReader(shape.bytes(items[index], 0, Number.POSITIVE_INFINITY))
  const columns = Object.fromEntries([
    ['vault', new ColumnReader(new Uint8Array(0))],
    ...DELTA_COLUMNS.map((name, index) => [name, read(index + 2)]),
  ]) as ColumnReaders // all names
  return { place: read(0), removed: read(1), columns }
}

/**
 * Invariant: the tree afterwards is one that `decodeState` would accept. What did not change was checked before, so
 * that only the places of changed nodes, and what hung below nodes that are gone, can be wrong.
 */
function replaceNodes(state: MutableState, gone: readonly VaultNode[], nodes: readonly VaultNode[]): void {
  const fail = (reason: string): never => {
    throw new VaultError('checkpoint_invalid', reason)
  }
  // The journal of changes is thrown away: whoever applies a delta drops the whole state on failure.
  const transaction = begin(state)
  for (const node of gone) unlinkNode(transaction, node)
  for (const node of nodes) {
    const before = state.nodes.get(idKey(node.id))
    if (before?.parentId === null) fail('fixed folder')
    if (before !== undefined) unlinkNode(transaction, before)
  }
  for (const node of nodes) {
    const parent = idKey(node.parentId ?? node.id)
    if (node.trashedMs === null && state.children.get(parent)?.has(node.name)) fail('name twice')
    putNode(transaction, node, null)
    for (const version of node.versions) countContents(transaction, version.contents, 1)
  }
  const leaf = (key: string): boolean =>
    (state.children.get(key)?.size ?? 0) === 0 && (state.trashedChildren.get(key)?.size ?? 0) === 0
  for (const { id } of gone) {
    const key = idKey(id)
    if (state.nodes.has(key)) fail('removed')
    if (!leaf(key)) fail('parent')
    state.children.delete(key)
    state.trashedChildren.delete(key)
  }
  for (const node of nodes) if (node.kind !== 'folder' && !leaf(idKey(node.id))) fail('parent')
  checkPlaces(state, nodes)
}

/** Every node given must lead to the root or to Recovered, through folders. */
function checkPlaces(state: MutableState, nodes: readonly VaultNode[]): void {
  const safe = new Set<string>()
  for (const node of nodes) {
    const way = new Set<string>()
    let at: VaultNode | undefined = node
    while (at !== undefined && at.parentId !== null) {
      const key = idKey(at.id)
      if (safe.has(key)) break
      if (way.has(key)) throw new VaultError('checkpoint_invalid', 'parent')
      way.add(key)
      at = state.nodes.get(idKey(at.parentId))
      if (at?.kind !== 'folder') throw new VaultError('checkpoint_invalid', 'parent')
    }
    for (const key of way) safe.add(key)
  }
}

/** Takes a node out of the tree, and its references, but leaves what hangs below it. */
function unlinkNode(transaction: Transaction, node: VaultNode): void {
  removeNode(transaction, node)
  for (const version of node.versions) countContents(transaction, version.contents, -1)
}
