import type { ReactNode } from 'react'

/** A content to show. */
export interface PreviewFile {
  readonly path: string
  readonly name: string
  readonly size: number
  /** Hex id of an older version. */
  readonly version: string | null
}

/** What the views of all kinds are given. */
export interface ViewProps {
  readonly file: PreviewFile
  /** Shown instead, with a sentence that says why. */
  readonly fallback: (text: string) => ReactNode
}
