import { type RefObject, useRef } from 'react'

/** A place that always holds the newest of what a component was given, and stays the same itself. */
export function useLatest<T>(value: T): RefObject<T> {
  const place = useRef(value)
  place.current = value
  return place
}
