import type { AccountId, BlobId, DeviceId, NodeId, VersionId } from '@strongroom/crypto/envelope'
import { compareBytes, concat } from '@strongroom/crypto/envelope'
import { checkLayout, contentLayout } from '@strongroom/crypto/sizes'
import { VaultError } from '../header/errors.ts'
import { decodeShape, encodeShape } from '../log/body-codec.ts'
import type { ContentRecord } from '../log/operations.ts'
import { LABEL_PATTERN, MAX_CONTENTS } from '../log/operations.ts'
import { decodeText, encodeText, isName } from '../names.ts'
import { MAX_VERSIONS } from './apply-operation.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import type { ColumnReader } from './column-reader.ts'
import { idKey } from './id-key.ts'
import type { MutableState, VaultNode, VaultState, VaultVersion } from './state.ts'
import { added, addNode } from './transaction.ts'

const NO_MODE = 0xffff
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

function invalid(reason: string): VaultError {
  return new VaultError('state_invalid', reason)
}

/** Reads the columns of nodes, versions and contents into an empty state. */
export function readNodes(columns: ColumnReaders, state: MutableState): void {
  const ids = readIds(columns.nodeIds)
  const parents = ids.map(() => columns.parents.u32())
  checkTree(parents)
  const folderIds = [state.rootId, state.recoveredId, ...ids]
  const nodes = readRows(columns, ids, (row) => folderIds[parents[row] ?? 0] ?? state.rootId)
  const keys = [idKey(state.rootId), idKey(state.recoveredId), ...nodes.map((node) => idKey(node.id))]
  for (const [row, node] of nodes.entries()) {
    const parent = parents[row] ?? ROOT_ROW
    const [key, parentKey] = [keys[row + FIRST_ROW] ?? '', keys[parent] ?? '']
    if (state.nodes.has(key)) throw invalid('fixed folder')
    if ((nodes[parent - FIRST_ROW]?.kind ?? 'folder') !== 'folder') throw invalid('parent')
    if (!addNode(state, { node, key, parentKey })) throw invalid('name twice')
    countReferences(state, node)
  }
}

/** Reads nodes whose ids were read; `parentOf` says where the node of a row lies. */
export function readRows(
  columns: ColumnReaders,
  ids: readonly NodeId[],
  parentOf: (row: number) => NodeId,
): VaultNode[] {
  const tables: Tables = {
    authors: readAuthors(columns.authors),
    slots: readSlots(columns.slots),
    usedAuthors: new Set(),
    usedSlots: new Set(),
  }
  const nodes = ids.map((id, row) => readNode(columns, { id, parentId: parentOf(row), tables }))
  if (tables.usedAuthors.size !== tables.authors.length || tables.usedSlots.size !== tables.slots.length) {
    throw invalid('dictionary')
  }
  return nodes
}

interface Tables {
  authors: { accountId: AccountId; deviceId: DeviceId }[]
  slots: string[]
  usedAuthors: Set<number>
  usedSlots: Set<number>
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

/** Every row must lead to the root or to Recovered. */
function checkTree(parents: readonly number[]): void {
  // 0 not seen, 1 on the way that is being followed, 2 leads to the top.
  const seen = new Uint8Array(parents.length)
  for (let start = 0; start < parents.length; start += 1) {
    const way: number[] = []
    let row = start
    while (row >= 0 && seen[row] !== 2) {
      const parent = parents[row]
      if (parent === undefined || seen[row] === 1) throw invalid('parent')
      seen[row] = 1
      way.push(row)
      row = parent - FIRST_ROW
    }
    for (const visited of way) seen[visited] = 2
  }
}

function readNode(columns: ColumnReaders, place: { id: NodeId; parentId: NodeId; tables: Tables }): VaultNode {
  const name = decodeText(columns.names.bytes(columns.nameLengths.u8()))
  if (name === null || !isName(name)) throw invalid('name')
  const kind = columns.kinds.u16()
  const shape = decodeShape(kind, columns.payloads.bytes(columns.payloadLengths.u16()))
  if (shape === null) throw invalid('kind')
  const createdMs = columns.createdMs.i64()
  const trashed = columns.trashed.u8()
  if (trashed > 1) throw invalid('trashed')
  const trashedMs = trashed === 1 ? columns.trashedMs.i64() : null
  const versionCount = columns.versionCounts.u16()
  if (versionCount > MAX_VERSIONS) throw invalid('versions')
  if (versionCount > 0 && shape.kind !== 'file' && shape.kind !== 'unknown') throw invalid('versions')
  const versions: VaultVersion[] = []
  for (let left = versionCount; left > 0; left -= 1) versions.push(readVersion(columns, place.tables))
  if (versionCount > 1 && new Set(versions.map((version) => idKey(version.id))).size !== versionCount) {
    throw invalid('version twice')
  }
  return { id: place.id, parentId: place.parentId, name, createdMs, trashedMs, versions, ...shape }
}

function readVersion(columns: ColumnReaders, tables: Tables): VaultVersion {
  const id = columns.versionIds.bytes(16) as VersionId // just taken from its place
  const mtimeMs = columns.mtimeMs.i64()
  const mode = columns.modes.u16()
  if (mode > 0o7777 && mode !== NO_MODE) throw invalid('mode')
  const timeMs = columns.versionTimeMs.i64()
  const authorIndex = columns.versionAuthors.u32()
  const author = tables.authors[authorIndex]
  if (author === undefined) throw invalid('author')
  tables.usedAuthors.add(authorIndex)
  const contentCount = columns.contentCounts.u8()
  if (contentCount < 1 || contentCount > MAX_CONTENTS) throw invalid('contents')
  const contents = Array.from({ length: contentCount }, () => readContent(columns, tables))
  if (contentCount > 1 && new Set(contents.map((content) => content.slot)).size !== contentCount) throw invalid('slots')
  return { id, contents, mtimeMs, mode: mode === NO_MODE ? null : mode, ...author, timeMs }
}

function readContent(columns: ColumnReaders, tables: Tables): ContentRecord {
  const slotIndex = columns.contentSlots.u32()
  const slot = tables.slots[slotIndex]
  if (slot === undefined) throw invalid('slot')
  tables.usedSlots.add(slotIndex)
  const blobId = columns.blobIds.bytes(16) as BlobId // just taken from its place
  const header = columns.headers.bytes(74)
  const size = columns.sizes.i64()
  const partSize = columns.partSizes.u32()
  const partsRoot = columns.partsRoots.bytes(32)
  const dekTimeMs = columns.dekTimeMs.i64()
  try {
    const { blobLength } = contentLayout(size)
    checkLayout({ size, blobLength, partSize })
    return { slot, blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs }
  } catch (cause) {
    throw new VaultError('state_invalid', 'content', { cause })
  }
}

function readAuthors(column: ColumnReader): Tables['authors'] {
  const authors: Uint8Array[] = []
  for (let left = column.count(32); left > 0; left -= 1) {
    const author = column.bytes(32)
    const before = authors.at(-1)
    if (before !== undefined && compareBytes(before, author) >= 0) throw invalid('order')
    authors.push(author)
  }
  // The casts brand the two ids that an entry is made of.
  return authors.map((bytes) => ({
    accountId: bytes.slice(0, 16) as AccountId,
    deviceId: bytes.slice(16) as DeviceId,
  }))
}

function readSlots(column: ColumnReader): string[] {
  const slots: string[] = []
  while (!column.atEnd) {
    const slot = decodeText(column.bytes(column.u8()))
    const before = slots.at(-1)
    if (slot === null || !LABEL_PATTERN.test(slot) || (before !== undefined && before >= slot)) throw invalid('slots')
    slots.push(slot)
  }
  return slots
}

function countReferences(state: MutableState, node: VaultNode): void {
  for (const version of node.versions) {
    for (const { blobId } of version.contents) {
      const key = idKey(blobId)
      const count = added(state.references.get(key), blobId, 1)
      if (count !== undefined) state.references.set(key, count)
    }
  }
}
