import { toHex } from '@strongroom/crypto'
import type { VaultState } from '@strongroom/vault'
import { childByKey, childKeysOf, type Found } from './lookup.ts'

// [Note: Name index] Names folded into one text with a table of where each begins: a search is one pass over that text
// instead of a hundred thousand small ones, and paths are put together only for what was found. It is made at the first
// search after a commit.

/** All that can be found below the root: parents before children, siblings by name. */
interface NameIndex {
  readonly seq: number
  readonly keys: readonly string[]
  readonly names: readonly string[]
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
  const { text, starts, keys, names, parents } = indexOf(state)
  let row = 0
  for (let at = text.indexOf(wanted); at >= 0; ) {
    row = rowAt(starts, at, row)
    const node = childByKey(state, keys[row] ?? '')
    if (node !== null) yield { node, names: namesTo(names, parents, row) }
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

function namesTo(names: readonly string[], parents: Int32Array, row: number): string[] {
  const way: string[] = []
  for (let at = row; at >= 0; at = parents[at] ?? -1) way.push(names[at] ?? '')
  return way.reverse()
}

function indexOf(state: VaultState): NameIndex {
  const known = indexes.get(state)
  if (known?.seq === state.seq) return known
  const keys: string[] = []
  const parents: number[] = []
  const names: string[] = []
  const folded: string[] = []
  const folders = new Set(state.children.keys())
  const add = (folderKey: string, row: number): void => {
    for (const [name, key] of childKeysOf(state, folderKey)) {
      const own = keys.push(key) - 1
      parents.push(row)
      names.push(name)
      folded.push(fold(name))
      if (folders.has(key)) add(key, own)
    }
  }
  add(toHex(state.rootId), -1)
  const starts = new Uint32Array(keys.length)
  let at = 0
  folded.forEach((name, row) => {
    starts[row] = at
    at += name.length + END.length
  })
  const text = folded.join(END) + END
  const index = { seq: state.seq, keys, names, parents: Int32Array.from(parents), text, starts }
  indexes.set(state, index)
  return index
}
