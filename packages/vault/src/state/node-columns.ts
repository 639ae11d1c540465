import type { NodeId } from '@strongroom/crypto/envelope'
import { compareBytes } from '@strongroom/crypto/envelope'
import { BlobBase } from './blob-base.ts'
import { ChildTable } from './child-table.ts'
import type { ColumnReaders, ColumnWriters } from './column-names.ts'
import type { ColumnReader } from './column-reader.ts'
import { idKey } from './id-key.ts'
import { NodeRows } from './node-rows.ts'
import { invalid } from './numbers.ts'
import { RowTree } from './row-tree.ts'
import { RowWriter } from './row-writer.ts'
import type { MutableState, VaultNode, VaultState } from './state.ts'
import { LayeredTable } from './table.ts'

/** Parents that are no rows. */
const ROOT_ROW = 0
const RECOVERED_ROW = 1
const FIRST_ROW = 2

/** Nodes in the order of their ids: one that was changed, or rows that are as they were. */
type Stretch = VaultNode | { readonly from: number; readonly to: number }

/**
 * Writes the columns of nodes, versions and contents of a whole state.
 *
 * Reason for stretches: of a large vault that was decoded, most rows are what they were, and are copied without a node
 * for any of them.
 */
export function writeNodes(columns: ColumnWriters, state: VaultState): void {
  const { nodes } = state
  const base = nodes instanceof LayeredTable && nodes.base instanceof RowTree ? nodes.base : null
  const fixed = new Map([
    [idKey(state.rootId), ROOT_ROW],
    [idKey(state.recoveredId), RECOVERED_ROW],
  ])
  const changes: Iterable<[string, VaultNode | null]> = nodes instanceof LayeredTable ? nodes.changes() : nodes
  const sorted = [...changes].filter(([key]) => !fixed.has(key)).sort(([a], [b]) => (a < b ? -1 : 1))
  const { stretches, rows, moved } = placed(base, sorted)
  const rowOf = (key: string): number => fixed.get(key) ?? rows.get(key) ?? moved[base?.rowOf(key) ?? -1] ?? ROOT_ROW
  const writer = new RowWriter(columns)
  for (const stretch of stretches) {
    if ('id' in stretch) {
      columns.parents.u32(rowOf(idKey(stretch.parentId ?? stretch.id)))
      writer.node(stretch)
    } else if (base !== null) {
      for (let row = stretch.from; row < stretch.to; row += 1) {
        const parent = base.parentNumber(row)
        columns.parents.u32(parent < FIRST_ROW ? parent : (moved[parent - FIRST_ROW] ?? ROOT_ROW))
      }
      writer.rows(base.rows, stretch)
    }
  }
  writer.finish()
}

interface Placed {
  readonly stretches: Stretch[]
  /** Rows to be written of what was changed, by key. */
  readonly rows: ReadonlyMap<string, number>
  /** Rows to be written, by the rows that were read. */
  readonly moved: Uint32Array
}

/** Where changed nodes come to lie among the rows of a base. @param changes - by ascending key; null: gone */
function placed(base: RowTree | null, changes: readonly [string, VaultNode | null][]): Placed {
  const count = base?.rows.count ?? 0
  const moved = new Uint32Array(count)
  const rows = new Map<string, number>()
  const stretches: Stretch[] = []
  let row = FIRST_ROW
  let from = 0
  const copyTo = (to: number): void => {
    if (from < to) stretches.push({ from, to })
    for (; from < to; from += 1) {
      moved[from] = row
      row += 1
    }
  }
  for (const [key, node] of changes) {
    const at = base?.firstFrom(key) ?? 0
    copyTo(at)
    const isRow = base !== null && at < count && base.keyAt(at) === key
    if (node !== null) {
      if (isRow) moved[at] = row
      rows.set(key, row)
      stretches.push(node)
      row += 1
    }
    if (isRow) from = at + 1
  }
  copyTo(count)
  return { stretches, rows, moved }
}

/** Writes these nodes' columns, in the order given, and what they use of the dictionaries. */
export function writeRows(
  columns: ColumnWriters,
  nodes: readonly VaultNode[],
  writeParent: (parentId: NodeId) => void,
): void {
  const writer = new RowWriter(columns)
  for (const node of nodes) {
    writeParent(node.parentId ?? node.id)
    writer.node(node)
  }
  writer.finish()
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
