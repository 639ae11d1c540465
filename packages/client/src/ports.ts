import type { BlobId, ContentLayout, CryptoEngine, Dek } from '@strongroom/crypto'

/** Everything that the isomorphic core needs from the place it runs in. */
export interface Platform {
  readonly engine: CryptoEngine
  readonly transport: Transport
  readonly store: StateStore
  readonly clock: Clock
  readonly opaque: OpaqueClient
  readonly content: ContentCipher
}

export interface Clock {
  nowMs(): number
  /** Resolves after `ms` milliseconds; rejects with `aborted` when the signal is set. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly signal?: AbortSignal | undefined
}

export interface TransportResponse {
  readonly status: number
  /** Header value by lower-case name, or null. */
  header(name: string): string | null
  /** The whole body, in `into` where it fits; rejects above `maxLength` bytes. */
  bytes(maxLength: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
}

/** One HTTP exchange: no redirects, no cookies, no cache. Rejects with ClientError `network` or `aborted`. */
export type Transport = (url: string, request: TransportRequest) => Promise<TransportResponse>

/** What a device keeps between runs. `pins` is never discarded, not even at logout. */
export type StateName = 'profile' | 'pins' | 'cache' | 'cacheLog' | 'pending'

/** `commit` is held while a change is being committed, `profile` while pins change; in this order. */
export type LockName = 'profile' | 'commit'

export interface StateStore {
  load(name: StateName): Promise<Uint8Array | null>
  /** Atomic: a crash leaves the old or the new bytes. */
  save(name: StateName, bytes: Uint8Array): Promise<void>
  /** Adds bytes at the end of what is stored; a crash may leave any part of them. */
  append(name: StateName, bytes: Uint8Array): Promise<void>
  remove(name: StateName): Promise<void>
  /** Runs alone among all processes that use this store; `profile` unless another lock is named. */
  exclusively<T>(task: () => Promise<T>, lock?: LockName): Promise<T>
}

export interface OpaqueRegistration {
  readonly record: string
  readonly exportKey: Uint8Array
  readonly serverPublicKey: Uint8Array
}

export interface OpaqueLogin {
  readonly request: string
  readonly exportKey: Uint8Array
  readonly serverPublicKey: Uint8Array
}

/** OPAQUE's client half. `password` is already normalised; `serverIdentifier` is bound into the key exchange. */
export interface OpaqueClient {
  startRegistration(password: string): Promise<{ state: string; request: string }>
  finishRegistration(input: OpaqueFinish): Promise<OpaqueRegistration>
  startLogin(password: string): Promise<{ state: string; request: string }>
  /** null: wrong password, unknown login, or a server with another key. */
  finishLogin(input: OpaqueFinish): Promise<OpaqueLogin | null>
  /** Ends the worker, if there is one, with all that it remembers. */
  close(): Promise<void>
}

export interface OpaqueFinish {
  readonly password: string
  readonly state: string
  readonly response: string
  readonly serverIdentifier: string
}

/** A file to upload. A `stream` is read once, front to back; its length shows only at its end. */
export type FileSource = SeekableSource | StreamSource

export interface SeekableSource {
  readonly kind: 'seekable'
  readonly size: number
  readonly mtimeMs: number
  readonly mode?: number | undefined
  /** For platform workers, which open the file themselves and compare its identity. */
  readonly local?: LocalFile | undefined
  open(): Promise<OpenSource>
  /** The source as it is now, after a change; absent where that cannot be told. */
  again?: (() => Promise<SeekableSource>) | undefined
}

export interface LocalFile {
  readonly path: string
  /** Device, inode, size and modification time; changes when the file does. */
  readonly identity: string
}

export interface StreamSource {
  readonly kind: 'stream'
  readonly mtimeMs: number
  readonly mode?: number | undefined
  chunks(): AsyncIterable<Uint8Array>
}

export interface OpenSource {
  /** Fills `target` from `offset` on; returns the bytes read, fewer only at the end. */
  read(offset: number, target: Uint8Array): Promise<number>
  /** Whether size, modification time and identity are what they were when `FileSource` was made. */
  isUnchanged(): Promise<boolean>
  close(): Promise<void>
}

/** Where a download goes. */
export interface FileSink {
  open(meta: SinkMeta): Promise<SinkWriter>
}

export interface SinkMeta {
  readonly size: number
  readonly mtimeMs: number
  readonly mode?: number | undefined
}

export interface SinkWriter {
  /** Called in order, one at a time; the bytes are the callee's until the promise resolves. */
  write(bytes: Uint8Array): Promise<void>
  /** Makes the whole visible at once. */
  commit(): Promise<void>
  /** Leaves nothing behind. Idempotent; after `commit` it does nothing. */
  abort(): Promise<void>
}

/** Where a folder is downloaded to. Paths are relative, `/`-separated, and checked again by the sink. */
export interface TreeSink {
  folder(path: string, meta: { mtimeMs?: number; mode?: number | undefined }): Promise<void>
  file(path: string): FileSink
  symlink(path: string, target: string): Promise<void>
  /** Once everything is written; sets the times of folders. */
  finish(): Promise<void>
}

/** An encrypted part; `release` gives its buffer back, after which `bytes` must not be touched. */
export interface EncryptedPart {
  readonly index: number
  readonly bytes: Uint8Array
  readonly sha256: Uint8Array
  release(): void
}

export interface PartEncryptor {
  readonly header: Uint8Array
  /** Reads and encrypts one part; any order, several at a time. @throws ClientError `source_changed` */
  encryptPart(index: number): Promise<EncryptedPart>
  /** Asked after the last part: whether what was read is still what the source holds. */
  isSourceUnchanged(): Promise<boolean>
  close(): Promise<void>
}

/** A decrypted part; `release` gives its buffer back, after which `bytes` must not be touched. Releasing is optional. */
export interface DecryptedPart {
  readonly bytes: Uint8Array
  release(): void
}

export interface PartDecryptor {
  /** Memory for a part's ciphertext; `decryptPart` takes it back. */
  lend(length: number): Uint8Array<ArrayBuffer>
  /** Verifies `sha256` first, then decrypts to true plaintext, padding cut. @throws ClientError `integrity` */
  decryptPart(index: number, ciphertext: Uint8Array<ArrayBuffer>, sha256: Uint8Array): Promise<DecryptedPart>
  close(): Promise<void>
}

/** Content encryption of whole parts: inline, or in worker threads. */
export interface ContentCipher {
  encryptor(input: { source: SeekableSource; layout: ContentLayout; dek: Dek; blobId: BlobId }): Promise<PartEncryptor>
  /** @throws ClientError `integrity` when the header's tag does not fit the key */
  decryptor(input: { header: Uint8Array; layout: ContentLayout; dek: Dek; blobId: BlobId }): Promise<PartDecryptor>
  /** Ends workers. */
  close(): Promise<void>
}
