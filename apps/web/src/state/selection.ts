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

interface Chosen {
  readonly ids: ReadonlySet<string>
  readonly anchor: number
  readonly active: number
}

const NOTHING: Chosen = { ids: new Set(), anchor: -1, active: -1 }

/** @param key - of the list; another list begins with nothing selected */
export function useSelection(key: string, rows: Rows): Selection {
  const [stored, setStored] = useState<{ key: string; chosen: Chosen }>({ key, chosen: NOTHING })
  const chosen = stored.key === key ? stored.chosen : NOTHING
  const set = useCallback((next: Chosen) => setStored({ key, chosen: next }), [key])
  return useMemo(
    () => ({
      ids: chosen.ids,
      active: Math.min(chosen.active, rows.count - 1),
      has: (id) => chosen.ids.has(id),
      only: (index) => set({ ids: new Set([rows.idAt(index)]), anchor: index, active: index }),
      toggle(index) {
        const ids = new Set(chosen.ids)
        const id = rows.idAt(index)
        if (!ids.delete(id)) ids.add(id)
        set({ ids, anchor: index, active: index })
      },
      extendTo(index) {
        const anchor = chosen.anchor < 0 ? index : Math.min(chosen.anchor, rows.count - 1)
        const ids = new Set<string>()
        for (let row = Math.min(anchor, index); row <= Math.max(anchor, index); row += 1) ids.add(rows.idAt(row))
        set({ ids, anchor, active: index })
      },
      these(indexes, kept) {
        const ids = new Set(kept)
        for (const index of indexes) ids.add(rows.idAt(index))
        set({ ids, anchor: indexes[0] ?? chosen.anchor, active: indexes.at(-1) ?? chosen.active })
      },
      all() {
        const ids = new Set<string>()
        for (let row = 0; row < rows.count; row += 1) ids.add(rows.idAt(row))
        set({ ...chosen, ids })
      },
      clear: () => set({ ...chosen, ids: new Set() }),
      moveTo: (index) => set({ ...chosen, active: index }),
    }),
    [chosen, rows, set],
  )
}
