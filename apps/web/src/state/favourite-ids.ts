import { useMemo } from 'react'
import { useRows } from './vault.tsx'

/** Hex ids of all favourites. */
export function useFavouriteIds(): ReadonlySet<string> {
  const { rows } = useRows('favourite ids', (vault) => vault.favourites())
  return useMemo(() => new Set(Array.from({ length: rows.count }, (_, index) => rows.idAt(index))), [rows])
}
