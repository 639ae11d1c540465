import type { Conflict, Drive, ProgressEvent } from '@strongroom/client'
import type { CommandContext } from '../context.ts'
import type { PathFilter } from '../filters.ts'
import type { FailureList } from '../targets.ts'

/** What the flags of `get` ask for. */
export interface GetOptions {
  readonly transfer: { signal: AbortSignal; jobs: number | undefined; limitRate: number | undefined }
  readonly conflict: Conflict
  readonly dryRun: boolean
  readonly recursive: boolean
  readonly filter: PathFilter
  /** Whether folders that hold nothing of interest are made too. */
  readonly emptyFolders: boolean
  /** Number or id of an old version; the newest otherwise. */
  readonly version: number | string | undefined
}

/** What became of one remote thing. */
export interface GetItem {
  readonly path: string
  readonly localPath: string
  readonly outcome: 'done' | 'skipped'
  readonly size: number
}

/** What the parts of one `get` share. */
export interface GetTask {
  readonly context: CommandContext
  readonly drive: Drive
  readonly options: GetOptions
  readonly onProgress: (event: ProgressEvent) => void
  readonly failures: FailureList
}
