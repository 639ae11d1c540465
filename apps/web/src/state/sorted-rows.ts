import { NO_ROWS, type Rows } from '../bridge/rows.ts'
import type { Sort } from '../worker/vault-api.ts'

const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' })

/** The rows in another order: folders first, then by the key, then by name. */
export function sortRows(rows: Rows, { by, descending }: Sort): Rows {
  if (rows.count === 0) return NO_ROWS
  const direction = descending ? -1 : 1
  const all = Array.from({ length: rows.count }, (_, index) => rows.at(index))
  all.sort((a, b) => {
    const folders = Number(b.kind === 'folder') - Number(a.kind === 'folder')
    if (folders !== 0) return folders
    const names = byName.compare(a.name, b.name)
    if (by === 'size') return (a.size - b.size) * direction || names
    if (by === 'time') return (a.timeMs - b.timeMs) * direction || names
    return names * direction
  })
  const at = (index: number) => {
    const row = all[index]
    if (row === undefined) throw new RangeError('there is no row')
    return { ...row, index }
  }
  return { count: rows.count, at, idAt: (index) => at(index).id, nameAt: (index) => at(index).name }
}
