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
  /** Parts in flight, 1 … 32; default what the link rewards, at most 4. */
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

export interface GetOptions extends TransferOptions {
  /** Number (see `versions`) or hex id of an older version; default the newest. */
  readonly version?: number | string | undefined
}

/** One thing in the trash; `path` is where it was, `size` and `items` count what is below it too. */
export interface TrashedEntry extends Entry {
  readonly items: number
  /** When it was trashed, by the clock of the device that did it. */
  readonly trashedMs: number
}

export interface RestoreOptions extends CallOptions {
  /** An existing folder, or the whole new path; default where it was. */
  readonly to?: string | undefined
}

export interface EmptyTrashOptions extends CallOptions {
  /** Only what has been there for so many days. */
  readonly olderThanDays?: number | undefined
  /** Only these of what was trashed by itself, in hex; what is no longer in the trash is left alone. */
  readonly nodeIds?: readonly string[] | undefined
  readonly dryRun?: boolean | undefined
}

export interface EmptyTrashResult {
  /** What was (or with `dryRun` would be) destroyed. */
  readonly entries: readonly TrashedEntry[]
  /** Files, folders and links, with all that was below. */
  readonly items: number
  /** Bytes of their newest versions. */
  readonly size: number
}

/** One version of a file. */
export interface VersionEntry {
  /** 1 is the oldest that is left. */
  readonly number: number
  /** Hex. */
  readonly versionId: string
  readonly current: boolean
  readonly size: number
  /** Modification time of the content. */
  readonly mtimeMs: number
  /** When it was stored, by the clock of the device that did it. */
  readonly storedMs: number
  readonly mode?: number
  /** Hex. */
  readonly deviceId: string
  /** null when the log does not name the device. */
  readonly deviceName: string | null
}

/** All that a device knows of a file or folder. */
export interface EntryFacts {
  readonly entry: Entry
  /** When it was made, by the clock of the device that did it; 0 for fixed folders. */
  readonly createdMs: number
  readonly isFavourite: boolean
  /** Of files; 0 for others. */
  readonly versions: number
  /** When the newest version was stored, by the clock of the device that did it. */
  readonly storedMs: number | null
  /** Of the device that stored it; null when the log does not name it. */
  readonly deviceName: string | null
  /** When the key of its content was made. */
  readonly keyMs: number | null
  /** Hex id of the stored object with its content. */
  readonly blobId: string | null
  /** Ciphertext bytes of all versions. */
  readonly storedBytes: number
  /** What lies below a folder, at any depth; `bytes` of the newest versions. */
  readonly files: number
  readonly folders: number
  readonly bytes: number
}

/** A further content for a version of a file; ids in hex. */
export interface Attachment {
  readonly nodeId: string
  readonly versionId: string
  readonly bytes: Uint8Array
}

/** `taken`: the version has a content in this slot already, or as many as it can have; `gone`: it was destroyed. */
export type AttachOutcome = 'attached' | 'taken' | 'gone'

/** What a version has beside the file itself. */
export interface AttachedSlots {
  /** Hex. */
  readonly versionId: string
  /** True size in bytes of the content in each slot. */
  readonly sizes: ReadonlyMap<string, number>
}

/** A content that was read from a slot; ids in hex. */
export interface SlotContent {
  readonly nodeId: string
  readonly versionId: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Where something is, and the exact path that it or its copy is to have. */
export interface PathPair {
  readonly from: string
  readonly to: string
}

/** What a server has of a file's content; ids, keys and digests in hex. */
export interface ServerView {
  readonly vaultId: string
  readonly blobId: string
  readonly blobLength: number
  /** SHA-256 of each stored part. */
  readonly digests: readonly string[]
  /** The content's key, sealed by this account's devices. */
  readonly wrappedKey: string
  readonly epoch: number
  /** How the stored object begins. */
  readonly storedBytes: Uint8Array<ArrayBuffer>
}

/** How long the account keeps what was removed or replaced; null is for ever. */
export interface RetentionPolicy {
  /** Days in the trash; 30 unless set. */
  readonly trashDays: number | null
  /** Days after a version was replaced; for ever unless set. */
  readonly versionDays: number | null
}

/** What is stored, by what keeps it; ciphertext bytes, each blob once. */
export interface Usage {
  /** Newest versions of what is not in the trash. */
  readonly currentBytes: number
  readonly oldVersionBytes: number
  readonly trashBytes: number
}

export interface FindOptions extends CallOptions {
  /** Where to look; default `/`. */
  readonly path?: string | undefined
  readonly kind?: Entry['kind'] | undefined
  /** Files of at least this many bytes. */
  readonly minSize?: number | undefined
  /** Files of at most this many bytes. */
  readonly maxSize?: number | undefined
  /** Modified at this time or later. */
  readonly newerThanMs?: number | undefined
  /** Most entries that are wanted; default all. */
  readonly limit?: number | undefined
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
  /**
   * Waits for commits from elsewhere, takes them in and yields how many they were, until the signal is set; then it
   * throws `aborted`. Goes on through lost connections. Abort it before the session is closed.
   */
  changes(options?: CallOptions): AsyncIterable<number>
  /** The entries of a folder by name, or the one entry of a file; recursive: parents before children. */
  list(path: string, options?: CallOptions & { recursive?: boolean }): Promise<Entry[]>
  /** The entries of a folder as this device saw them last; without the network. @throws `not_found`, `usage` */
  listLocal(path: string, options?: { recursive?: boolean }): Entry[]
  /**
   * The files that were modified last, the newest first, and by their paths where the time is the same, as this device saw
   * them last; without the network.
   *
   * @param most - how many, at most
   */
  newest(most: number): Entry[]
  /** The entry of a node as this device saw it last, without the network; null when it is nowhere or in the trash. */
  entryById(nodeId: string): Entry | null
  /** All that this device knows of a node, without the network; null when it is nowhere or in the trash. */
  facts(nodeId: string): EntryFacts | null
  /** What a file's newest version has beside the file itself, without the network; null for what has no version. */
  slots(nodeId: string): AttachedSlots | null
  /**
   * Gives versions a further content each, such as a thumbnail, in a slot (`[a-z0-9-]`, not `main`); at most 1,000, in as
   * few commits as it takes. A slot is filled once, by whichever device is first. @throws `usage`, `quota`
   */
  attach(slot: string, attachments: readonly Attachment[], options?: TransferOptions): Promise<AttachOutcome[]>
  /**
   * What the newest versions of nodes (hex ids) have in a slot, as it arrives, each whole; what has nothing there, or
   * more than `most` bytes, is left out.
   */
  readSlots(
    slot: string,
    nodeIds: readonly string[],
    options: TransferOptions & { readonly most: number },
  ): AsyncIterable<SlotContent>
  /** What the server has of a file, asked for now. */
  serverView(path: string, options?: CallOptions): Promise<ServerView>
  stat(path: string, options?: CallOptions): Promise<Entry>
  /** What is marked as a favourite, in the order of paths, as this device saw it last; without the network. */
  favourites(): Entry[]
  /** Marks nodes (hex ids) as favourites, or takes the marks away. At most 1,000. @throws `not_found`, `usage` */
  setFavourites(nodeIds: readonly string[], marked: boolean, options?: CallOptions): Promise<void>
  /** @throws `exists` unless `parents` and it is a folder */
  mkdir(path: string, options?: CallOptions & { parents?: boolean }): Promise<void>
  /** Onto an existing folder: into it. Onto a file: `replace` trashes that first. */
  move(from: string, to: string, options?: CallOptions & { conflict?: Conflict }): Promise<Entry>
  /** Shares content: nothing is uploaded again. */
  copy(from: string, to: string, options?: CallOptions & { recursive?: boolean; conflict?: Conflict }): Promise<Entry>
  trash(path: string, options?: CallOptions & { recursive?: boolean }): Promise<void>
  /** Makes folders with what is missing above them, in one commit; those that are there already are fine. */
  makeFolders(paths: readonly string[], options?: CallOptions): Promise<void>
  /** Moves many in one commit, or none of them; returns their new paths, in order. */
  moveMany(moves: readonly PathPair[], options?: CallOptions & { conflict?: Conflict }): Promise<string[]>
  /** Copies many, folders with all below, in as few commits as it takes; returns the paths of the copies, in order. */
  copyMany(copies: readonly PathPair[], options?: CallOptions & { conflict?: Conflict }): Promise<string[]>
  /** Moves many to the trash in one commit, folders with all below. */
  trashMany(paths: readonly string[], options?: CallOptions): Promise<void>
  /** Takes many out of the trash in one commit, to where they were. @throws `conflict`, `not_found` */
  restoreMany(nodeIds: readonly string[], options?: CallOptions): Promise<Entry[]>
  /** What lies in the trash, the newest first. */
  listTrash(options?: CallOptions): Promise<TrashedEntry[]>
  /** Takes out of the trash what was at a path, or has this id. @throws `conflict`, `not_found` */
  restore(what: string, options?: RestoreOptions): Promise<Entry>
  /** Destroys what is in the trash for good; default all of it. */
  emptyTrash(options?: EmptyTrashOptions): Promise<EmptyTrashResult>
  /** Versions of a file, the newest first. */
  versions(path: string, options?: CallOptions): Promise<VersionEntry[]>
  /** Makes an old version the newest one again; its content is shared. */
  restoreVersion(path: string, version: number | string, options?: CallOptions): Promise<Entry>
  /**
   * Looks for names in the index on this device, without the network. A pattern is a part of a name or a glob; with a
   * slash it is held against the path. Case does not matter.
   */
  find(pattern: string, options?: FindOptions): Promise<Entry[]>
  /** The account's policy, as this device saw it last. */
  retention(): RetentionPolicy
  /** Changes the policy. @throws `usage` */
  setRetention(change: Partial<RetentionPolicy>, options?: CallOptions): Promise<RetentionPolicy>
  /**
   * Does what the policy says; call it now and then. Things are announced in the log a week before they are destroyed,
   * and no clock decides alone (`spec/retention.md`).
   */
  tidy(options?: CallOptions): Promise<{ trashed: number; versions: number }>
  /** What keeps how much, from the index on this device; null before it has one. */
  usage(): Usage | null
  /** Destroys for good. */
  purge(path: string, options?: CallOptions & { recursive?: boolean }): Promise<void>
  put(source: FileSource, path: string, options?: PutOptions): Promise<PutResult>
  /** Uploads many items in few commits; may be run again and then skips what is unchanged. */
  putTree(items: AsyncIterable<TreeItem>, options?: PutTreeOptions): Promise<TreeResult>
  get(path: string, sink: FileSink, options?: GetOptions): Promise<Entry>
  /** Downloads a folder with all below it. */
  getTree(path: string, sink: TreeSink, options?: GetTreeOptions): Promise<TreeResult>
  /** `length` absent: to the end. Verified whole parts are fetched, only the range is delivered. */
  getRange(path: string, range: { offset: number; length?: number }, options?: GetOptions): AsyncIterable<Uint8Array>
}
