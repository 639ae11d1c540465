/** What the tab asks of its worker, which alone holds keys. Everything here can be cloned between the two. */

export interface SignInInput {
  readonly login: string
  readonly password: string
}

export type Registration = 'open' | 'invite' | 'closed'

export interface SignedInAs {
  readonly login: string
  /** Hex. */
  readonly accountId: string
}

export interface AccountSummary extends SignedInAs {
  readonly usedBytes: number
  readonly quotaBytes: number
}

export type SortKey = 'name' | 'size' | 'time'

export interface Sort {
  readonly by: SortKey
  readonly descending: boolean
}

/** A list of entries in columns: cheap to hand over, read row by row. */
export interface PackedRows {
  readonly count: number
  /** Folder that all rows lie in, or null where `texts` are whole paths. */
  readonly folder: string | null
  /** Names, or paths, one after the other. */
  readonly texts: string
  /** Where each text ends, in UTF-16 units. */
  readonly ends: Uint32Array
  /** 0 file, 1 folder, 2 symbolic link. */
  readonly kinds: Uint8Array
  readonly sizes: Float64Array
  /** Milliseconds since 1970: of the content, or in the trash of the trashing. */
  readonly times: Float64Array
  /** 16 bytes each. */
  readonly ids: Uint8Array
}

export interface VersionRow {
  readonly number: number
  readonly versionId: string
  readonly current: boolean
  readonly size: number
  readonly storedMs: number
  readonly deviceName: string | null
}

/** What is known of one entry; see the SDK's EntryFacts. */
export interface ItemFacts {
  readonly nodeId: string
  readonly path: string
  readonly name: string
  readonly kind: 'file' | 'folder' | 'symlink'
  readonly size: number
  readonly mtimeMs: number
  /** Of symbolic links. */
  readonly target: string | null
  readonly createdMs: number
  readonly isFavourite: boolean
  readonly versions: number
  readonly storedMs: number | null
  readonly deviceName: string | null
  readonly keyMs: number | null
  readonly blobId: string | null
  readonly storedBytes: number
  readonly files: number
  readonly folders: number
  readonly bytes: number
}

/** What several entries hold together, with all below them. */
export interface ItemSum {
  readonly files: number
  readonly folders: number
  readonly bytes: number
}

/** What lies at a path already. */
export interface Taken {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink'
  readonly size: number
  readonly timeMs: number
}

/** A folder in a tree of folders. */
export interface FolderRow {
  readonly nodeId: string
  readonly path: string
  readonly name: string
  readonly hasFolders: boolean
}

export interface SessionRow {
  readonly sessionId: string
  readonly deviceName: string | null
  readonly usedMs: number
  readonly createdMs: number
  readonly current: boolean
}

/** One file to upload: where to, and what. */
export interface UploadItem {
  /** Id chosen by the tab. */
  readonly id: string
  readonly path: string
  readonly file: File
  /** What an earlier attempt has sent, as far as the tab knows. */
  readonly sentBytes: number
}

export interface UploadProgress {
  readonly id: string
  readonly state: 'waiting' | 'running' | 'done' | 'skipped' | 'failed' | 'cancelled'
  readonly sentBytes: number
  /** Code of what went wrong. */
  readonly error: string | null
}

export interface RecoverInput {
  readonly login: string
  readonly recoveryKey: string
  readonly newPassword: string
}

/** Asked when the account wants a second factor; `attempt` counts from 1. Rejecting ends the login. */
export type AskCode = (attempt: number) => Promise<string>

/** Shows a recovery key and resolves once its user has it safe. */
export type ShowRecoveryKey = (text: string) => Promise<void>

export interface SecondFactorStatus {
  readonly enabled: boolean
  readonly backupCodesLeft: number
}

export interface SecondFactorSetup {
  readonly enrolmentId: string
  readonly secret: string
  readonly uri: string
  /** Shown, and sent when the setup is confirmed. */
  readonly backupCodes: readonly string[]
}

export interface ActivityRow {
  readonly seq: number
  readonly timeMs: number
  readonly event: string
  readonly count: number
  readonly deviceName: string | null
}

/** How many contents, and their bytes. */
export interface KeyAmount {
  readonly contents: number
  readonly bytes: number
}

/** The keys of the account and their ages; times in ms, null is unknown. See the SDK's KeyStatus. */
export interface KeyReport {
  readonly accountKeyMs: number | null
  readonly epoch: number
  readonly epochMs: number | null
  readonly total: KeyAmount
  readonly due: KeyAmount
  readonly policyDays: number | null
  /** Contents by the age of their keys, the youngest first. */
  readonly ages: readonly (KeyAmount & { readonly underDays: number | null })[]
  /** What the server says of its own keys; nothing here can check it. */
  readonly server: {
    readonly outerKeyMs: number
    readonly kmsKeyMs: number | null
    readonly scope: 'shared' | 'per-user'
  }
}

export interface KeyProgress {
  readonly done: number
  readonly total: number
}

/** What a rotation of keys did. */
export interface KeyChange {
  readonly contents: number
  readonly failed: number
}

/** Rotating keys; one at a time. What was cut off is begun again by the same call, and what is done stays done. */
export type LeakState = 'none' | 'begun' | 'account-done'

export interface KeysApi {
  keyReport(): Promise<KeyReport>
  /** A new account key and a new recovery key, under the same password; other sessions end. */
  rotateAccountKey(password: string, onRecoveryKey: ShowRecoveryKey): Promise<void>
  /** How far the answer to a password that others may know has come. */
  leakAnswer(): Promise<LeakState>
  /** Its first half: a new password, account key and recovery key; other sessions end. */
  renewAccess(input: { current: string; next: string }, onRecoveryKey: ShowRecoveryKey): Promise<void>
  /** Its second half: a new identity and vault key, under which the keys of all contents are wrapped again. */
  finishLeakAnswer(): Promise<void>
  /**
   * A new vault key, under which the keys of all contents are wrapped again.
   *
   * @param from - number of the key that is to be replaced; one that was replaced already is not replaced again
   */
  rotateVaultKey(from: number, onProgress: (progress: KeyProgress) => void): Promise<KeyChange>
  /**
   * Encrypts contents anew under new keys.
   *
   * @param madeBeforeMs - those whose keys were made before; null takes what is due
   */
  rotateContents(madeBeforeMs: number | null, onProgress: (progress: KeyProgress) => void): Promise<KeyChange>
  stopRotation(): Promise<void>
}

export type Conflict = 'replace' | 'keep-both' | 'skip'

/** What a download stream needs; chunks go through `port` to the service worker, one per message that asks. */
export interface DownloadRequest {
  readonly paths: readonly string[]
  readonly version: string | null
  readonly port: MessagePort
  /** Tells the tab of it, see {@link DownloadWord}; whatever the tab says there ends it. */
  readonly tab: MessagePort
}

/** What a tab learns of its download: that it may begin, how many bytes were taken, what failed, the end. */
export type DownloadWord = 'ready' | number | VaultFailure | 'done' | 'failed' | 'cancelled'

/** What the server has of a file; see the SDK's ServerView. */
export interface ServerFile {
  readonly vaultId: string
  readonly blobId: string
  readonly blobLength: number
  readonly digests: readonly string[]
  readonly wrappedKey: string
  readonly epoch: number
  readonly storedBytes: Uint8Array<ArrayBuffer>
}

/** A range of a file; chunks go through `port` as those of a download. */
export interface MediaRequest {
  readonly path: string
  readonly version: string | null
  readonly offset: number
  readonly length: number
  readonly port: MessagePort
}

/** A file that is on the screen, and the version whose thumbnail is shown, if any; ids in hex. */
export interface ThumbnailWish {
  readonly nodeId: string
  readonly versionId: string | null
}

export interface ThumbnailFound {
  readonly nodeId: string
  readonly versionId: string
  /** null where what lies in its place is none that can be shown. */
  readonly type: string | null
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** The error of a call, as it crosses from worker to tab. */
export interface VaultFailure {
  readonly code: string
  readonly details: Readonly<Record<string, string | number | boolean>>
}

/** Entries that a search returns at most. */
export const MOST_FOUND = 1_000

export interface VaultApi extends KeysApi {
  /** Who is signed in on this tab, from what it kept; null for nobody. */
  resume(): Promise<SignedInAs | null>
  /** Whether this server takes new accounts. */
  registration(): Promise<Registration>
  register(input: SignInInput & { invite: string | null }, onRecoveryKey: ShowRecoveryKey): Promise<SignedInAs>
  logIn(input: SignInInput, onCode: AskCode): Promise<SignedInAs>
  /** Signs in by the recovery key, with a new password and a new recovery key. */
  recover(input: RecoverInput, onRecoveryKey: ShowRecoveryKey, onCode: AskCode): Promise<SignedInAs>
  /** Groups of a recovery key that are mistyped, as "3, 5"; null when it is spelt right. */
  misspelt(recoveryKey: string): Promise<string | null>
  logOut(): Promise<void>
  /** Forgets the keys in this worker; the session of the server goes on for other tabs. */
  forget(): Promise<void>
  /** Destroys the account; returns the receipt, if the server has made it already. */
  deleteAccount(input: { password: string; confirm: string }): Promise<Uint8Array | null>
  account(): Promise<AccountSummary>
  /** Calls back after every change of the vault, from here or elsewhere; `failed` ends it. */
  watch(changed: () => void, failed: (failure: VaultFailure) => void): Promise<void>
  /** Calls back at once, and whenever it changes whether the server answers. */
  connection(changed: (state: 'online' | 'offline') => void): Promise<void>
  folder(path: string, sort: Sort): Promise<PackedRows>
  search(text: string): Promise<PackedRows>
  recent(): Promise<PackedRows>
  favourites(): Promise<PackedRows>
  setFavourites(nodeIds: readonly string[], marked: boolean): Promise<void>
  trashed(): Promise<PackedRows>
  /** Path of a node, or null. @param nodeId - hex */
  pathOf(nodeId: string): Promise<string | null>
  /** Hex id of what lies at a path, or null. */
  idOf(path: string): Promise<string | null>
  /** What this device knows of an entry, or null. @param nodeId - hex */
  facts(nodeId: string): Promise<ItemFacts | null>
  /** What the server has of a file, asked for now. */
  serverView(path: string): Promise<ServerFile>
  sumOf(nodeIds: readonly string[]): Promise<ItemSum>
  makeFolder(path: string): Promise<void>
  /** With what is missing above them; those that are there are fine. */
  makeFolders(paths: readonly string[]): Promise<void>
  /** Returns the new paths, in order. */
  move(moves: readonly { from: string; to: string }[], conflict: Conflict | null): Promise<string[]>
  copy(copies: readonly { from: string; to: string }[]): Promise<string[]>
  trash(paths: readonly string[]): Promise<void>
  /** Takes out of the trash. @param nodeIds - hex */
  restore(nodeIds: readonly string[]): Promise<string[]>
  /** Destroys all of the trash, or some of it; returns how many entries. @param nodeIds - hex */
  emptyTrash(nodeIds: readonly string[] | null): Promise<number>
  /** Days after which the trash is destroyed; null is never. */
  trashDays(): Promise<number | null>
  versions(path: string): Promise<VersionRow[]>
  restoreVersion(path: string, versionId: string): Promise<void>
  sessions(): Promise<SessionRow[]>
  revokeSession(sessionId: string): Promise<void>
  revokeOtherSessions(): Promise<number>
  changePassword(input: { current: string; next: string }): Promise<void>
  replaceRecoveryKey(password: string, onRecoveryKey: ShowRecoveryKey): Promise<void>
  testRecoveryKey(text: string): Promise<boolean>
  secondFactor(): Promise<SecondFactorStatus>
  beginSecondFactor(password: string): Promise<SecondFactorSetup>
  confirmSecondFactor(setup: SecondFactorSetup, code: string): Promise<void>
  disableSecondFactor(input: { password: string; code: string }): Promise<void>
  /** What happened to the account, the newest first. */
  activity(): Promise<ActivityRow[]>
  /** What people compare between devices. */
  stateCode(): Promise<string>
  /** Compares the state code of another device. */
  compareState(code: string): Promise<'same' | 'different' | 'ahead'>
  /** What lies already at some of these paths. */
  taken(paths: readonly string[]): Promise<Taken[]>
  subfolders(path: string): Promise<FolderRow[]>
  upload(
    items: readonly UploadItem[],
    conflict: Conflict,
    onProgress: (progress: readonly UploadProgress[]) => void,
  ): Promise<void>
  cancelUploads(ids: readonly string[]): Promise<void>
  /** Whole size where it is known; the stream starts when the first message arrives. */
  /** Serves a range until it was taken; rejects when reading fails. */
  media(request: MediaRequest): Promise<void>
  /** Bytes of a file in one piece; for what is small. */
  bytes(range: Omit<MediaRequest, 'port'>): Promise<Uint8Array<ArrayBuffer>>
  /** Calls back with each thumbnail that is found or made; `failed` once of what ends the session. */
  followThumbnails(tell: (found: ThumbnailFound) => void, failed: (failure: VaultFailure) => void): Promise<void>
  /** What is on the screen now; what was wanted before is wanted no more. @param mayMake - what has none may be fetched */
  wantThumbnails(wishes: readonly ThumbnailWish[], mayMake: boolean): Promise<void>
  download(request: DownloadRequest): Promise<{ name: string; size: number | null }>
}
