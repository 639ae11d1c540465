import type { FileSink, FileSource, TreeSink } from '../ports.ts'

/** One file, folder or symbolic link as the vault has it now. */
export interface Entry {
  /** Absolute, `/`-separated. */
  readonly path: string
  readonly name: string
  readonly kind: 'file' | 'folder' | 'symlink'
  /** True size in bytes; 0 for folders and symbolic links. */
  readonly size: number
  /** Modification time in milliseconds since 1970, maybe negative; 0 where a folder has none. */
  readonly mtimeMs: number
  readonly mode?: number
  /** Of symbolic links. */
  readonly target?: string
  /** Hex. */
  readonly nodeId: string
  /** Hex; of files that have content. */
  readonly versionId?: string
}

/** Progress of one call; `totalBytes` and `totalFiles` are null until known. */
export type ProgressEvent =
  | {
      readonly type: 'progress'
      readonly files: number
      readonly totalFiles: number | null
      readonly bytes: number
      readonly totalBytes: number | null
    }
  | {
      readonly type: 'item'
      readonly path: string
      readonly outcome: 'done' | 'skipped' | 'failed'
      readonly error?: Error
    }

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface TransferOptions extends CallOptions {
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined
  /** Parts in flight, 1 … 32; default 4. */
  readonly jobs?: number | undefined
  /** Bytes a second over all parts of the call; default unlimited. */
  readonly limitRate?: number | undefined
}

/** What happens when the target exists: a new version, a second file beside it, or nothing. */
export type Conflict = 'replace' | 'keep-both' | 'skip'

export interface PutOptions extends TransferOptions {
  /** Default `replace`. */
  readonly conflict?: Conflict | undefined
  /** Make missing folders above the target. */
  readonly parents?: boolean | undefined
  /** Say what would happen, and do nothing. */
  readonly dryRun?: boolean | undefined
}

export interface PutTreeOptions extends PutOptions {
  /** Skip files whose size and modification time are those of the newest version; default true. */
  readonly skipUnchanged?: boolean | undefined
}

export interface PutResult {
  readonly path: string
  readonly outcome: 'created' | 'replaced' | 'skipped'
  readonly nodeId: string
  readonly size: number
}

/** One item of a tree; folders before what is in them, paths absolute in the vault. */
export interface TreeItem {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink'
  /** Of files. */
  readonly source?: FileSource
  /** Of symbolic links. */
  readonly target?: string
  readonly mtimeMs: number
  readonly mode?: number | undefined
}

export interface TreeFailure {
  readonly path: string
  readonly error: Error
}

/** What a tree call did; failures of single items do not end it. */
export interface TreeResult {
  readonly files: number
  readonly folders: number
  readonly symlinks: number
  readonly bytes: number
  readonly skipped: number
  readonly failures: readonly TreeFailure[]
}

export interface GetTreeOptions extends TransferOptions {
  /** Return false to leave an entry (and what is below it) out. */
  readonly filter?: ((entry: Entry) => boolean) | undefined
}

/**
 * The user's files. Paths are absolute (`/photos/a.jpg`). Every call first fetches and verifies what changed
 * elsewhere. All reject with ClientError.
 */
export interface Drive {
  /** Fetches and verifies newer commits; returns how many. */
  sync(options?: CallOptions): Promise<number>
  /** The entries of a folder by name, or the one entry of a file; recursive: parents before children. */
  list(path: string, options?: CallOptions & { recursive?: boolean }): Promise<Entry[]>
  stat(path: string, options?: CallOptions): Promise<Entry>
  /** @throws `exists` unless `parents` and it is a folder */
  mkdir(path: string, options?: CallOptions & { parents?: boolean }): Promise<void>
  /** Onto an existing folder: into it. Onto a file: `replace` trashes that first. */
  move(from: string, to: string, options?: CallOptions & { conflict?: Conflict }): Promise<Entry>
  /** Shares content: nothing is uploaded again. */
  copy(from: string, to: string, options?: CallOptions & { recursive?: boolean; conflict?: Conflict }): Promise<Entry>
  trash(path: string, options?: CallOptions & { recursive?: boolean }): Promise<void>
  /** Destroys for good. */
  purge(path: string, options?: CallOptions & { recursive?: boolean }): Promise<void>
  put(source: FileSource, path: string, options?: PutOptions): Promise<PutResult>
  /** Uploads many items in few commits; may be run again and then skips what is unchanged. */
  putTree(items: AsyncIterable<TreeItem>, options?: PutTreeOptions): Promise<TreeResult>
  get(path: string, sink: FileSink, options?: TransferOptions): Promise<Entry>
  /** Downloads a folder with all below it. */
  getTree(path: string, sink: TreeSink, options?: GetTreeOptions): Promise<TreeResult>
  /** `length` absent: to the end. Verified whole parts are fetched, only the range is delivered. */
  getRange(
    path: string,
    range: { offset: number; length?: number },
    options?: TransferOptions,
  ): AsyncIterable<Uint8Array>
}
