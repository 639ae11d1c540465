export type BackupFolderErrorCode =
  /** Nothing is there under this name. */
  | 'not_found'
  /** The place has no room left. */
  | 'full'
  /** The place cannot be read or written by this user. */
  | 'unavailable'

/** What every adapter throws; the message is one line for an operator. */
export class BackupFolderError extends Error {
  readonly code: BackupFolderErrorCode

  constructor(code: BackupFolderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BackupFolderError'
    this.code = code
  }
}

/** A file that was written. */
export interface WrittenFile {
  /** Bytes. */
  readonly length: number
  /** Hex. */
  readonly sha256: string
}

/**
 * Where backups lie: files under relative, `/`-separated names. What a method has returned for is durable. All methods
 * throw `BackupFolderError`.
 */
export interface BackupFolder {
  /** Length of a file in bytes, or null. */
  length(name: string): Promise<number | null>
  /** The whole of a file; null where there is none. */
  read(name: string): Promise<Uint8Array | null>
  /** A file, chunk by chunk. */
  stream(name: string): AsyncIterable<Uint8Array>
  /** Writes a file, whole or not at all, over whatever is there; what `chunks` throws is passed on. */
  write(name: string, chunks: AsyncIterable<Uint8Array>): Promise<WrittenFile>
  /** Gives a folder its final name, which nothing has yet. */
  publish(from: string, to: string): Promise<void>
  /** Names of what lies in a folder; empty where it is absent. */
  list(folder: string): Promise<string[]>
  /** Removes a file, or a folder with all in it; succeeds where there is none. */
  remove(name: string): Promise<void>
  /** Removes what killed writers have left; to be called by who is alone. */
  clean(): Promise<void>
}
