import type { NodeId } from '@strongroom/crypto/envelope'
import { compareBytes, concat } from '@strongroom/crypto/envelope'
import { encodeShape } from '../log/body-codec.ts'
import { encodeText } from '../names.ts'
import { BlobBase } from './blob-base.ts'
import { ChildTable } from './child-table.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import type { ColumnReader } from './column-reader.ts'
import { idKey } from './id-key.ts'
import { NodeRows } from './node-rows.ts'
import { invalid } from './numbers.ts'
import { RowTree } from './row-tree.ts'
import type { MutableState, VaultNode, VaultState, VaultVersion } from './state.ts'
import { LayeredTable } from './table.ts'
import { NO_MODE } from './version-rows.ts'

/** Parents that are no rows. */
const ROOT_ROW = 0
const RECOVERED_ROW = 1
const FIRST_ROW = 2

/** Writes the columns of nodes, versions and contents of a whole state. */
export function writeNodes(columns: ColumnWriters, state: VaultState): void {
  const fixed = new Set([idKey(state.rootId), idKey(state.recoveredId)])
  const keys = [...state.nodes.keys()].filter((key) => !fixed.has(key)).sort()
  const rows = new Map(keys.map((key, index) => [key, index + FIRST_ROW]))
  rows.set(idKey(state.rootId), ROOT_ROW)
  rows.set(idKey(state.recoveredId), RECOVERED_ROW)
  const nodes = keys.map((key) => state.nodes.get(key)).filter((node) => node !== undefined)
  writeRows(columns, nodes, (parentId) => columns.parents.u32(rows.get(idKey(parentId)) ?? ROOT_ROW))
}

/** Writes these nodes' columns, in the order given, and what they use of the dictionaries. */
export function writeRows(
  columns: ColumnWriters,
  nodes: readonly VaultNode[],
  writeParent: (parentId: NodeId) => void,
): void {
  const dictionaries = collectDictionaries(nodes)
  for (const author of dictionaries.authors.list) columns.authors.bytes(author)
  for (const slot of dictionaries.slots.list) {
    columns.slots.u8(slot.length)
    columns.slots.bytes(slot)
  }
  for (const node of nodes) {
    writeParent(node.parentId ?? node.id)
    writeNode(columns, node)
    for (const version of node.versions) writeVersion(columns, version, dictionaries)
  }
}

function writeNode(columns: ColumnWriters, node: VaultNode): void {
  const name = encodeText(node.name)
  const [kind, payload] = encodeShape(node)
  columns.nodeIds.bytes(node.id)
  columns.nameLengths.u8(name.length)
  columns.names.bytes(name)
  columns.kinds.u16(kind)
  columns.payloadLengths.u16(payload.length)
  columns.payloads.bytes(payload)
  columns.createdMs.i64(node.createdMs)
  columns.trashed.u8(node.trashedMs === null ? 0 : 1)
  if (node.trashedMs !== null) columns.trashedMs.i64(node.trashedMs)
  columns.versionCounts.u16(node.versions.length)
}

function writeVersion(columns: ColumnWriters, version: VaultVersion, dictionaries: Dictionaries): void {
  columns.versionIds.bytes(version.id)
  columns.mtimeMs.i64(version.mtimeMs)
  columns.modes.u16(version.mode ?? NO_MODE)
  columns.versionTimeMs.i64(version.timeMs)
  columns.versionAuthors.u32(dictionaries.authors.index.get(dictionaries.authorKey(version)) ?? 0)
  columns.contentCounts.u8(version.contents.length)
  for (const content of version.contents) {
    columns.contentSlots.u32(dictionaries.slots.index.get(content.slot) ?? 0)
    columns.blobIds.bytes(content.blobId)
    columns.headers.bytes(content.header)
    columns.sizes.i64(content.size)
    columns.partSizes.u32(content.partSize)
    columns.partsRoots.bytes(content.partsRoot)
    columns.dekTimeMs.i64(content.dekTimeMs)
  }
}

interface Dictionary {
  list: Uint8Array[]
  index: Map<string, number>
}

interface Dictionaries {
  authors: Dictionary
  slots: Dictionary
  authorKey: (version: VaultVersion) => string
}

/** Keys of authors. Reason for the table: the versions of a commit share the objects that name its author. */
function authorKeys(): (version: VaultVersion) => string {
  const known = new Map<Uint8Array, string>()
  const keyOf = (id: Uint8Array): string => {
    const found = known.get(id)
    if (found !== undefined) return found
    const key = idKey(id)
    known.set(id, key)
    return key
  }
  return ({ accountId, deviceId }) => keyOf(accountId) + keyOf(deviceId)
}

function collectDictionaries(nodes: readonly VaultNode[]): Dictionaries {
  const authors = new Map<string, Uint8Array>()
  const slots = new Map<string, Uint8Array>()
  const authorKey = authorKeys()
  for (const node of nodes) {
    for (const version of node.versions) {
      const key = authorKey(version)
      if (!authors.has(key)) authors.set(key, concat(version.accountId, version.deviceId))
      for (const { slot } of version.contents) if (!slots.has(slot)) slots.set(slot, encodeText(slot))
    }
  }
  return { authors: dictionary(authors), slots: dictionary(slots), authorKey }
}

/** Keys sort as the bytes do: hexadecimal for authors, ASCII for slots. */
function dictionary(entries: ReadonlyMap<string, Uint8Array>): Dictionary {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
  return { list: sorted.map(([, bytes]) => bytes), index: new Map(sorted.map(([key], index) => [key, index])) }
}

/** Whose columns these are: anybody's, or sealed by this very device, which had checked or made them. */
export type Trust = 'none' | 'own'

/** What the columns of nodes, versions and contents make of a state. */
export type Tree = Pick<MutableState, 'nodes' | 'children' | 'trashedChildren' | 'references'>

/**
 * Reads the columns of nodes, versions and contents; nodes are made when they are asked for. [Note: Rows]
 *
 * @throws VaultError `state_invalid`
 */
export function readTree(columns: ColumnReaders, empty: VaultState, trust: Trust): Tree {
  const tree = new RowTree(columns, empty)
  if (trust === 'none') tree.check()
  const trashedChildren = new Map<string, Set<string>>()
  for (let row = 0; row < tree.rows.count; row += 1) {
    if (!tree.rows.isTrashed(row)) continue
    const parentKey = idKey(tree.rows.parentOf(row))
    const siblings = trashedChildren.get(parentKey) ?? new Set()
    trashedChildren.set(parentKey, siblings.add(tree.keyAt(row)))
  }
  const nodes = new LayeredTable(tree)
  for (const [key, folder] of empty.nodes) nodes.set(key, folder)
  return {
    nodes,
    children: new ChildTable(tree),
    trashedChildren,
    references: new LayeredTable(new BlobBase(tree.rows.blobIds)),
  }
}

/** Reads nodes in the order of ascending ids. */
export function readRows(columns: ColumnReaders, parentOf: (row: number) => NodeId): VaultNode[] {
  const rows = new NodeRows(columns, columns.nodeIds.rest(), parentOf)
  rows.check()
  return Array.from({ length: rows.count }, (_, row) => rows.at(row))
}

/** Reads ascending node ids. */
export function readIds(column: ColumnReader): NodeId[] {
  const ids: NodeId[] = []
  for (let left = column.count(16); left > 0; left -= 1) {
    const id = column.bytes(16) as NodeId // just taken from its place
    const before = ids.at(-1)
    if (before !== undefined && compareBytes(before, id) >= 0) throw invalid('order')
    ids.push(id)
  }
  return ids
}
