import type { PackedRows } from '../worker/vault-api.ts'

export interface Row {
  readonly index: number
  /** Hex id of the node. */
  readonly id: string
  readonly path: string
  readonly name: string
  readonly kind: 'file' | 'folder' | 'symlink'
  readonly size: number
  readonly timeMs: number
}

/** Rows that are unpacked one by one, when they are drawn. */
export interface Rows {
  readonly count: number
  at(index: number): Row
  /** Hex id alone: much cheaper than the row. */
  idAt(index: number): string
  /** Name alone, for looking through all of them. */
  nameAt(index: number): string
}

const KINDS = ['file', 'folder', 'symlink'] as const
const ID_LENGTH = 16
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export const NO_ROWS: Rows = {
  count: 0,
  at() {
    throw new RangeError('there is no row')
  },
  idAt() {
    throw new RangeError('there is no row')
  },
  nameAt() {
    throw new RangeError('there is no row')
  },
}

export function unpackRows(packed: PackedRows): Rows {
  const { folder, texts, ends, kinds, sizes, times, ids } = packed
  const known: (string | undefined)[] = []
  const idAt = (index: number): string => {
    const cached = known[index]
    if (cached !== undefined) return cached
    let hex = ''
    for (let byte = 0; byte < ID_LENGTH; byte += 1) hex += HEX[ids[index * ID_LENGTH + byte] ?? 0] ?? ''
    known[index] = hex
    return hex
  }
  const textAt = (index: number): string => texts.slice(index === 0 ? 0 : ends[index - 1], ends[index])
  return {
    count: packed.count,
    idAt,
    nameAt: (index) => (folder === null ? nameOf(textAt(index)) : textAt(index)),
    at(index) {
      const text = textAt(index)
      return {
        index,
        id: idAt(index),
        path: folder === null ? text : joinPath(folder, text),
        name: folder === null ? nameOf(text) : text,
        kind: KINDS[kinds[index] ?? 0] ?? 'file',
        size: sizes[index] ?? 0,
        timeMs: times[index] ?? 0,
      }
    },
  }
}

export function joinPath(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
