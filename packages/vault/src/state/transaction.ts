import type { BlobId } from '@strongroom/crypto/envelope'
import type { ContentRecord } from '../log/operations.ts'
import { idKey } from './id-key.ts'
import type { BlobCount, MutableState, VaultNode } from './state.ts'
import type { Table } from './table.ts'

/** Changes of one commit, which can be taken back. */
export interface Transaction {
  readonly state: MutableState
  /** References gained minus lost so far, by blob key; zeros stay. */
  readonly net: Map<string, BlobCount>
  /** How to take back each change, in the order made. */
  readonly undo: (() => void)[]
}

/** Begins to change a state. */
export function begin(state: MutableState): Transaction {
  return { state, net: new Map(), undo: [] }
}

/** Takes back every change, newest first. */
export function rollback(transaction: Transaction): void {
  rollbackTo(transaction, 0)
}

/** Takes back every change but the first `mark`; `net` keeps them, so that it must not be used afterwards. */
export function rollbackTo(transaction: Transaction, mark: number): void {
  for (const step of transaction.undo.splice(mark).reverse()) step()
}

type Changeable<V> = Pick<Table<V>, 'get' | 'set' | 'delete'>

/** Sets or, with undefined, deletes an entry. */
export function put<V>(transaction: Transaction, map: Changeable<V>, key: string, value: V | undefined): void {
  const before = map.get(key)
  if (value === undefined) map.delete(key)
  else map.set(key, value)
  transaction.undo.push(() => {
    if (before === undefined) map.delete(key)
    else map.set(key, before)
  })
}

/** Stores a node in place of an older one, if any, and keeps the indexes of children. */
export function putNode(transaction: Transaction, node: VaultNode, before: VaultNode | null): void {
  if (before !== null) unlink(transaction, before)
  put(transaction, transaction.state.nodes, idKey(node.id), node)
  link(transaction, node)
}

/** Takes a node out of its place; its references and what hangs below it stay. */
export function removeNode(transaction: Transaction, node: VaultNode): void {
  unlink(transaction, node)
  put(transaction, transaction.state.nodes, idKey(node.id), undefined)
}

/** Removes a node without children, and its references. */
export function deleteNode(transaction: Transaction, node: VaultNode): void {
  unlink(transaction, node)
  const key = idKey(node.id)
  put(transaction, transaction.state.nodes, key, undefined)
  put(transaction, transaction.state.children, key, undefined)
  put(transaction, transaction.state.trashedChildren, key, undefined)
  for (const version of node.versions) countContents(transaction, version.contents, -1)
}

/** Replaces a node by one at the same place. */
export function changeNode(transaction: Transaction, node: VaultNode): void {
  put(transaction, transaction.state.nodes, idKey(node.id), node)
}

/** Counts contents that the tree gains (1) or loses (−1). */
export function countContents(transaction: Transaction, contents: readonly ContentRecord[], sign: 1 | -1): void {
  for (const { blobId } of contents) {
    const key = idKey(blobId)
    put(transaction, transaction.state.references, key, added(transaction.state.references.get(key), blobId, sign))
    const net = transaction.net.get(key)?.count ?? 0
    transaction.net.set(key, { blobId, count: net + sign })
  }
}

/** A count changed by `by`; undefined when it becomes zero. */
export function added(before: BlobCount | undefined, blobId: BlobId, by: number): BlobCount | undefined {
  const count = (before?.count ?? 0) + by
  return count === 0 ? undefined : { blobId, count }
}

function link(transaction: Transaction, node: VaultNode): void {
  if (node.parentId === null) return
  const [parent, key] = [idKey(node.parentId), idKey(node.id)]
  if (node.trashedMs === null) {
    put(
      transaction,
      entry(transaction, transaction.state.children, parent, () => new Map()),
      node.name,
      key,
    )
    return
  }
  const nodes = entry(transaction, transaction.state.trashedChildren, parent, () => new Set())
  nodes.add(key)
  transaction.undo.push(() => nodes.delete(key))
}

/** The entry of a map, made when it is not there. */
function entry<V>(transaction: Transaction, map: Changeable<V>, key: string, make: () => V): V {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  put(transaction, map, key, made)
  return made
}

function unlink(transaction: Transaction, node: VaultNode): void {
  if (node.parentId === null) return
  const { children, trashedChildren } = transaction.state
  const [parent, key] = [idKey(node.parentId), idKey(node.id)]
  if (node.trashedMs === null) {
    const names = children.get(parent)
    if (names !== undefined) put(transaction, names, node.name, undefined)
    return
  }
  const nodes = trashedChildren.get(parent)
  if (nodes === undefined) return
  nodes.delete(key)
  transaction.undo.push(() => nodes.add(key))
}
