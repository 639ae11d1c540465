import { createContext, useContext } from 'react'
import type { Dropped } from '../state/upload-request.tsx'

/** Where the user is, for what acts on the folder in view. */
export interface Place {
  /** Says that a folder is in view now. */
  readonly enter: (folder: string) => void
  readonly chooseFiles: () => void
  readonly chooseFolder: () => void
  readonly newFolder: () => void
  /** Uploads into the folder in view. */
  readonly send: (files: readonly Dropped[]) => void
}

export const PlaceContext = createContext<Place | null>(null)

export function usePlace(): Place {
  const place = useContext(PlaceContext)
  if (place === null) throw new Error('usePlace needs the shell')
  return place
}
