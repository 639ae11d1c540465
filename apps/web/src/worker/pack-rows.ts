import type { Entry, TrashedEntry } from '@strongroom/client'
import type { PackedRows, Sort } from './vault-api.ts'

const KINDS = { file: 0, folder: 1, symlink: 2 } as const
const ID_LENGTH = 16

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** Folders first, then by the key, then by name. */
export function sortEntries(entries: Entry[], { by, descending }: Sort): Entry[] {
  const direction = descending ? -1 : 1
  const compareKey = (a: Entry, b: Entry): number => {
    if (by === 'size') return (a.size - b.size) * direction
    if (by === 'time') return (a.mtimeMs - b.mtimeMs) * direction
    return byName.compare(a.name, b.name) * direction
  }
  return entries.sort((a, b) => {
    const folders = Number(b.kind === 'folder') - Number(a.kind === 'folder')
    return folders || compareKey(a, b) || byName.compare(a.name, b.name) || (a.name < b.name ? -1 : 1)
  })
}

/** @param folder - of all entries; null packs whole paths */
export function packRows(entries: readonly (Entry | TrashedEntry)[], folder: string | null): PackedRows {
  const count = entries.length
  const rows = {
    ends: new Uint32Array(count),
    kinds: new Uint8Array(count),
    sizes: new Float64Array(count),
    times: new Float64Array(count),
    ids: new Uint8Array(count * ID_LENGTH),
  }
  const texts: string[] = []
  let end = 0
  entries.forEach((entry, index) => {
    const text = folder === null ? entry.path : entry.name
    texts.push(text)
    end += text.length
    rows.ends[index] = end
    rows.kinds[index] = KINDS[entry.kind]
    rows.sizes[index] = entry.size
    rows.times[index] = 'trashedMs' in entry ? entry.trashedMs : entry.mtimeMs
    writeId(rows.ids, index, entry.nodeId)
  })
  return { count, folder, texts: texts.join(''), ...rows }
}

function writeId(ids: Uint8Array, index: number, hex: string): void {
  for (let byte = 0; byte < ID_LENGTH; byte += 1) {
    ids[index * ID_LENGTH + byte] = Number.parseInt(hex.slice(byte * 2, byte * 2 + 2), 16)
  }
}

/** What of packed rows moves to the tab without a copy. */
export function rowBuffers(rows: PackedRows): ArrayBuffer[] {
  // Reason for the cast: the columns were made above, none over shared memory.
  return [rows.ends, rows.kinds, rows.sizes, rows.times, rows.ids].map((column) => column.buffer as ArrayBuffer)
}
