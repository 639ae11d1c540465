import { useCallback, useMemo, useState } from 'react'
import type { Rows } from '../bridge/rows.ts'

export interface Selection {
  /** Hex ids. */
  readonly ids: ReadonlySet<string>
  /** Row that the keyboard is at; -1 before any. */
  readonly active: number
  has(id: string): boolean
  /** Selects one alone. */
  only(index: number): void
  toggle(index: number): void
  /** From where the last selection began. */
  extendTo(index: number): void
  /** Selects these; the keyboard is at the last of them. @param kept - ids that stay selected */
  these(indexes: readonly number[], kept: ReadonlySet<string>): void
  all(): void
  clear(): void
  moveTo(index: number): void
}

/** An entry, and where it was last; entries move when others come, go or are renamed. */
interface Place {
  readonly id: string
  readonly index: number
}

interface Chosen {
  readonly ids: ReadonlySet<string>
  readonly anchor: Place | null
  readonly active: Place | null
}

const NOTHING: Chosen = { ids: new Set(), anchor: null, active: null }

/** Where an entry is now; where it was, if it is gone. */
function indexOf(rows: Rows, place: Place | null): number {
  if (place === null) return -1
  if (place.index < rows.count && rows.idAt(place.index) === place.id) return place.index
  for (let index = 0; index < rows.count; index += 1) if (rows.idAt(index) === place.id) return index
  return Math.min(place.index, rows.count - 1)
}

/** @param key - of the list; another list begins with nothing selected */
export function useSelection(key: string, rows: Rows): Selection {
  const [stored, setStored] = useState<{ key: string; chosen: Chosen }>({ key, chosen: NOTHING })
  const chosen = stored.key === key ? stored.chosen : NOTHING
  const set = useCallback((next: Chosen) => setStored({ key, chosen: next }), [key])
  // Invariant: keys act on the entry that they were moved to, wherever it is by now.
  const active = useMemo(() => indexOf(rows, chosen.active), [rows, chosen.active])
  return useMemo(() => {
    const at = (index: number): Place => ({ id: rows.idAt(index), index })
    return {
      ids: chosen.ids,
      active,
      has: (id) => chosen.ids.has(id),
      only: (index) => set({ ids: new Set([rows.idAt(index)]), anchor: at(index), active: at(index) }),
      toggle(index) {
        const ids = new Set(chosen.ids)
        const id = rows.idAt(index)
        if (!ids.delete(id)) ids.add(id)
        set({ ids, anchor: at(index), active: at(index) })
      },
      extendTo(index) {
        const anchor = chosen.anchor === null ? index : indexOf(rows, chosen.anchor)
        const ids = new Set<string>()
        for (let row = Math.min(anchor, index); row <= Math.max(anchor, index); row += 1) ids.add(rows.idAt(row))
        set({ ids, anchor: at(anchor), active: at(index) })
      },
      these(indexes, kept) {
        const ids = new Set(kept)
        for (const index of indexes) ids.add(rows.idAt(index))
        const [first] = indexes
        const last = indexes.at(-1)
        set({
          ids,
          anchor: first === undefined ? chosen.anchor : at(first),
          active: last === undefined ? chosen.active : at(last),
        })
      },
      all() {
        const ids = new Set<string>()
        for (let row = 0; row < rows.count; row += 1) ids.add(rows.idAt(row))
        set({ ...chosen, ids })
      },
      clear: () => set({ ...chosen, ids: new Set() }),
      moveTo: (index) => set({ ...chosen, active: at(index) }),
    }
  }, [chosen, active, rows, set])
}
