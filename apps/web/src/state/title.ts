import { useEffect } from 'react'
import { TEXT } from '../strings.ts'

/** Names the page after what it shows. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – ${TEXT.product}`
  }, [title])
}
