import { useEffect } from 'react'
import type { Rows } from '../bridge/rows.ts'
import { useLatest } from './use-latest.ts'

/** Keeps the entry that the keyboard is at in sight: when it is another one, or has another name; not when others move it. */
export function useFollowing(rows: Rows, active: number, show: (index: number) => void): void {
  const spot = active < 0 ? '' : `${rows.idAt(active)} ${rows.nameAt(active)}`
  const latest = useLatest({ active, show })
  useEffect(() => {
    if (spot !== '') latest.current.show(latest.current.active)
  }, [spot, latest])
}
