import type { NodeId } from '@strongroom/crypto/envelope'
import { equalBytes } from '@strongroom/crypto/envelope'
import { decodeCbor, encodeCbor, shapes } from '../header/cbor.ts'
import { VaultError } from '../header/errors.ts'
import type { Hasher } from '../header/hashes.ts'
import { encodeContent, encodeShape } from '../log/body-codec.ts'
import type { ColumnReaders, ColumnWriters } from '../state/column-names.ts'
import { COLUMNS } from '../state/column-names.ts'
import { ColumnReader } from '../state/column-reader.ts'
import { ColumnWriter } from '../state/column-writer.ts'
import { decodeState, encodeState } from '../state/columns.ts'
import { idKey } from '../state/id-key.ts'
import { readLedger, writeLedger } from '../state/ledger-columns.ts'
import { readIds, readRows, writeRows } from '../state/node-columns.ts'
import type { MutableState, VaultNode, VaultState, VaultVersion } from '../state/state.ts'
import { cloneState } from '../state/state.ts'

const MAGIC = 'SRD1'
/** Columns of a delta: all but the vault's, which the place stands for. */
const DELTA_COLUMNS = COLUMNS.slice(1)

/**
 * Encodes what changed from one state of a vault to a later one.
 *
 * @throws VaultError `checkpoint_invalid` when they are not two states of one vault, in this order
 */
export function encodeDelta(from: VaultState, to: VaultState): Uint8Array {
  if (!equalBytes(from.vaultId, to.vaultId) || from.seq > to.seq) throw new VaultError('checkpoint_invalid', 'place')
  const place = new ColumnWriter()
  place.bytes(to.vaultId)
  place.i64(from.seq)
  place.i64(to.seq)
  const removed = new ColumnWriter()
  for (const key of [...from.nodes.keys()].sort()) {
    const node = from.nodes.get(key)
    if (node !== undefined && !to.nodes.has(key)) removed.bytes(node.id)
  }
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, new ColumnWriter()])) as ColumnWriters // all names
  const changed: VaultNode[] = []
  for (const key of [...to.nodes.keys()].sort()) {
    const [before, node] = [from.nodes.get(key), to.nodes.get(key)]
    if (node === undefined || node.parentId === null || before === node) continue
    if (before === undefined || !sameNode(before, node)) changed.push(node)
  }
  writeRows(columns, changed, (parentId) => columns.parents.bytes(parentId))
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
export async function applyDeltas(
  hasher: Hasher,
  base: VaultState,
  deltas: readonly Uint8Array[],
): Promise<VaultState> {
  const nodes = new Map(base.nodes)
  // cloneState makes a MutableState, as every state of this package is.
  let ledger = cloneState(base) as MutableState
  try {
    for (const bytes of deltas) ledger = applyDelta(ledger, nodes, bytes)
    // Everything about the tree is checked by the codec of whole states.
    return await decodeState(hasher, encodeState({ ...ledger, nodes }))
  } catch (cause) {
    if (!(cause instanceof VaultError) || cause.code === 'upgrade_required') throw cause
    throw new VaultError('checkpoint_invalid', 'delta', { cause })
  }
}

function applyDelta(before: MutableState, nodes: Map<string, VaultNode>, bytes: Uint8Array): MutableState {
  const shape = shapes('checkpoint_invalid')
  const value = decodeCbor(bytes, 'checkpoint_invalid')
  if (!Array.isArray(value)) throw new VaultError('checkpoint_invalid', 'shape')
  if (shape.text(value[0], /^SRD[0-9]$/) !== MAGIC) throw new VaultError('upgrade_required', 'delta version')
  const [, ...items] = shape.tuple(value, DELTA_COLUMNS.length + 3)
  const read = (index: number): ColumnReader => new ColumnReader(shape.bytes(items[index], 0, Number.POSITIVE_INFINITY))
  const [place, removed] = [read(0), read(1)]
  const columns = Object.fromEntries([
    ['vault', new ColumnReader(new Uint8Array(0))],
    ...DELTA_COLUMNS.map((name, index) => [name, read(index + 2)]),
  ]) as ColumnReaders // all names
  const [vaultId, from, to] = [place.bytes(16), place.i64(), place.i64()]
  const follows = equalBytes(vaultId, before.vaultId) && from === before.seq && to >= from
  if (!follows) throw new VaultError('checkpoint_invalid', 'place')
  const after: MutableState = {
    ...before,
    seq: to,
    records: new Map(),
    changeIds: new Map(),
    imbalance: new Map(),
    checkpoint: null,
  }
  for (const id of readIds(removed)) {
    const key = idKey(id)
    if (nodes.get(key)?.parentId == null || !nodes.delete(key)) throw new VaultError('checkpoint_invalid', 'removed')
  }
  const ids = readIds(columns.nodeIds)
  const parents = ids.map(() => columns.parents.bytes(16) as NodeId) // just taken from its place
  for (const node of readRows(columns, ids, (row) => parents[row] ?? before.rootId)) {
    const key = idKey(node.id)
    if (nodes.get(key)?.parentId === null) throw new VaultError('checkpoint_invalid', 'fixed folder')
    nodes.set(key, node)
  }
  for (const node of nodes.values()) {
    if (node.parentId !== null && !nodes.has(idKey(node.parentId))) throw new VaultError('checkpoint_invalid', 'parent')
  }
  readLedger(columns, after)
  for (const reader of [place, removed, ...Object.values(columns)]) {
    if (!reader.atEnd) throw new VaultError('checkpoint_invalid', 'length')
  }
  return after
}
