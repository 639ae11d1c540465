import type { VaultNode, VaultState } from '@strongroom/vault'
import { childrenOf, type Found, rootOf } from './lookup.ts'

// [Note: Name index] Names folded into one text with a table of where each begins: a search is one pass over that text
// instead of a hundred thousand small ones, and paths are put together only for what was found. It is made at the first
// search after a commit.

/** All that can be found below the root: parents before children, siblings by name. */
interface NameIndex {
  readonly seq: number
  readonly nodes: readonly VaultNode[]
  /** Row of the folder that each node lies in; -1 for the root. */
  readonly parents: Int32Array
  /** Folded names, each followed by {@link END}. */
  readonly text: string
  /** Where each name begins. */
  readonly starts: Uint32Array
}

/** In no name that is looked for. */
const END = '\n'

const indexes = new WeakMap<VaultState, NameIndex>()

/** What looks the same to a person is the same, whatever form its accents have. */
export function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** Whether a text can be looked for in the index. */
export function isIndexed(wanted: string): boolean {
  return !wanted.includes(END)
}

/** Everything below the root whose folded name has a text in it, parents before children. */
export function* withName(state: VaultState, wanted: string): Generator<Found> {
  const { text, starts, nodes, parents } = indexOf(state)
  let row = 0
  for (let at = text.indexOf(wanted); at >= 0; ) {
    row = rowAt(starts, at, row)
    const node = nodes[row]
    if (node !== undefined) yield { node, names: namesTo(nodes, parents, row) }
    const next = starts[row + 1]
    if (next === undefined) return
    row += 1
    at = text.indexOf(wanted, next)
  }
}

/** Row of the name at a place of the text. @param from - that this row is not before */
function rowAt(starts: Uint32Array, at: number, from: number): number {
  let low = from
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return low
}

function namesTo(nodes: readonly VaultNode[], parents: Int32Array, row: number): string[] {
  const names: string[] = []
  for (let at = row; at >= 0; at = parents[at] ?? -1) names.push(nodes[at]?.name ?? '')
  return names.reverse()
}

function indexOf(state: VaultState): NameIndex {
  const known = indexes.get(state)
  if (known?.seq === state.seq) return known
  const nodes: VaultNode[] = []
  const parents: number[] = []
  const names: string[] = []
  const add = (folder: VaultNode, row: number): void => {
    for (const node of childrenOf(state, folder)) {
      const own = nodes.push(node) - 1
      parents.push(row)
      names.push(fold(node.name))
      if (node.kind === 'folder') add(node, own)
    }
  }
  add(rootOf(state), -1)
  const starts = new Uint32Array(nodes.length)
  let at = 0
  names.forEach((name, row) => {
    starts[row] = at
    at += name.length + END.length
  })
  const index = { seq: state.seq, nodes, parents: Int32Array.from(parents), text: names.join(END) + END, starts }
  indexes.set(state, index)
  return index
}
