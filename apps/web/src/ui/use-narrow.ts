import { useSyncExternalStore } from 'react'

const narrow = matchMedia('(max-width: 820px)')

function subscribe(listener: () => void): () => void {
  narrow.addEventListener('change', listener)
  return () => narrow.removeEventListener('change', listener)
}

export function isNarrow(): boolean {
  return narrow.matches
}

/** Whether the page is as narrow as on a phone. */
export function useNarrow(): boolean {
  return useSyncExternalStore(subscribe, isNarrow)
}
