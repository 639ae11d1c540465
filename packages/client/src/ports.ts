import type { BlobId, ContentLayout, CryptoEngine, Dek } from '@strongroom/crypto'

/** Everything that the isomorphic core needs from the place it runs in. */
export interface Platform {
  readonly engine: CryptoEngine
  readonly transport: Transport
  readonly store: StateStore
  readonly clock: Clock
  readonly opaque: OpaqueClient
  readonly content: ContentCipher
  /**
   * Keeps the tokens of new sessions in cookies that no script can read, for pages of the server's own origin; the
   * transport must then heed `cookies`. Default: a session is a bearer token.
   */
  readonly cookies?: boolean | undefined
  /** Parts that may be under way at once; default 5. */
  readonly mostParts?: number | undefined
}

export interface Clock {
  nowMs(): number
  /** Resolves after `ms` milliseconds; rejects with `aborted` when the signal is set. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  /** Pieces are sent one after the other. */
  readonly body?: Uint8Array | string | readonly Uint8Array[]
  readonly signal?: AbortSignal | undefined
  /** Send the cookies of the server's origin, and take those that it sets; only where the platform wants that. */
  readonly cookies?: boolean | undefined
}

export interface TransportResponse {
  readonly status: number
  /** Header value by lower-case name, or null. */
  header(name: string): string | null
  /** The whole body, in `into` where it fits; rejects above `maxLength` bytes. */
  bytes(maxLength: number, into?: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
}

/** One HTTP exchange: no redirects, no cache, and no cookies unless asked for. Rejects with ClientError `network` or `aborted`. */
export type Transport = (url: string, request: TransportRequest) => Promise<TransportResponse>

/** What a device keeps between runs. `pins` and what was `seen` are kept at logout; `pins` are never discarded. */
export type StateName = 'profile' | 'pins' | 'cache' | 'cacheLog' | 'pending' | SeenName

/** What was seen in a period of time: three files in turn. */
export type SeenName = 'seen0' | 'seen1' | 'seen2'

/** `commit` is held while a change is being committed, `profile` while pins change; in this order. */
export type LockName = 'profile' | 'commit'

export interface StateStore {
  load(name: StateName): Promise<Uint8Array | null>
  /** Atomic: a crash leaves the old or the new bytes. */
  save(name: StateName, bytes: Uint8Array): Promise<void>
  /** Adds bytes at the end of what is stored; a crash may leave any part of them. */
  append(name: StateName, bytes: Uint8Array): Promise<void>
  remove(name: StateName): Promise<void>
  /**
   * Runs alone among all processes that use this store; `profile` unless another lock is named. The signal ends the
   * wait for other processes with `aborted`, not the task.
   */
  exclusively<T>(task: () => Promise<T>, lock?: LockName, signal?: AbortSignal): Promise<T>
  /** Records of transfers under way; absent where interrupted transfers begin anew. */
  readonly journals?: JournalStore | undefined
}

/** Records by transfer id (hex). Losing one costs a transfer's progress and nothing else. */
export interface JournalStore {
  list(): Promise<{ readonly id: string; readonly savedMs: number }[]>
  load(id: string): Promise<Uint8Array | null>
  /** Atomic, if not durable at once: a crash leaves the old bytes, the new ones, or what does not open. */
  save(id: string, bytes: Uint8Array): Promise<void>
  remove(id: string): Promise<void>
  /**
   * Keeps a transfer for this process until the returned function is called. null: another process works at it, which
   * takes some seconds to tell from one that was killed.
   */
  claim(id: string, signal?: AbortSignal): Promise<(() => Promise<void>) | null>
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

/** How OPAQUE stretches a password, by the memory that it takes in MiB; the parameters are in `spec/keys.md`. */
export type Stretching = 'argon2id-64' | 'argon2id-32'

/** OPAQUE's client half. `password` is already normalised; `serverIdentifier` is bound into the key exchange. */
export interface OpaqueClient {
  startRegistration(password: string): Promise<{ state: string; request: string }>
  finishRegistration(input: OpaqueFinish): Promise<OpaqueRegistration>
  startLogin(password: string): Promise<{ state: string; request: string }>
  /** null: wrong password or stretching, unknown login, or a server with another key. A state may be used again. */
  finishLogin(input: OpaqueFinish): Promise<OpaqueLogin | null>
  /** Whether stretching can have so much memory here. */
  hasMemory(mebibytes: number): Promise<boolean>
  /** Ends the worker, if there is one, with all that it remembers. */
  close(): Promise<void>
}

export interface OpaqueFinish {
  readonly password: string
  readonly state: string
  readonly response: string
  readonly serverIdentifier: string
  readonly stretching: Stretching
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
  /**
   * Fills `target` with the whole of a small source; false where something is in the way or has changed, which `open` then
   * tells. Absent where that is no cheaper than opening it.
   */
  readWhole?(target: Uint8Array): Promise<boolean>
  /** Every reading gives the same bytes for ever, so that what an earlier process has read need not be compared. */
  readonly unchanging?: true | undefined
  /** The source as it is now, after a change; absent where that cannot be told. */
  again?: (() => Promise<SeekableSource>) | undefined
}

export interface LocalFile {
  readonly path: string
  /** Device, inode, size and modification time; changes when the file does. */
  readonly identity: string
  /** In browsers: the file itself, which workers read. */
  readonly blob?: Blob | undefined
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
  /** Names the target on this device; only such sinks can go on where an earlier download ended. */
  readonly place?: string | undefined
  open(meta: SinkMeta): Promise<SinkWriter>
  /**
   * Does for a small file what `open`, `write` and `commit` do; false where these are to be used. Absent where that is no
   * cheaper.
   */
  writeWhole?(meta: SinkMeta, bytes: Uint8Array): Promise<boolean>
}

export interface SinkMeta {
  readonly size: number
  readonly mtimeMs: number
  readonly mode?: number | undefined
  /** Hex id of a transfer that nobody else works at: what is written is kept under it when the writer is suspended. */
  readonly transfer?: string | undefined
}

export interface SinkWriter {
  /** Called in order, one at a time; the bytes are the callee's until the promise resolves. */
  write(bytes: Uint8Array): Promise<void>
  /**
   * Reads on in what an earlier writer of this transfer left, from the current position: fills `target` and moves past
   * it, or returns false and stays. Absent where nothing can be left.
   */
  skip?(target: Uint8Array, isRight: () => Promise<boolean>): Promise<boolean>
  /** Keeps what was written for a later writer of this transfer. Absent where nothing can be kept. */
  suspend?(): Promise<void>
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
  /** `plaintextMac` of the true plaintext; null where no key for it was given. */
  readonly mac: Uint8Array | null
  release(): void
}

export interface PartEncryptor {
  readonly header: Uint8Array
  /** Reads and encrypts one part; any order, several at a time. @throws ClientError `source_changed` */
  encryptPart(index: number): Promise<EncryptedPart>
  /** Reads one part and returns its `mac`, without encrypting. @throws ClientError `source_changed` */
  macPart(index: number): Promise<Uint8Array>
  /** Asked after the last part: whether what was read is still what the source holds. */
  isSourceUnchanged(): Promise<boolean>
  close(): Promise<void>
}

/** A decrypted part; `release` gives its buffer back, after which `bytes` must not be touched. Releasing is optional. */
export interface DecryptedPart {
  readonly bytes: Uint8Array
  /** `plaintextMac` of the whole part; null where no key for it was given. */
  readonly mac: Uint8Array | null
  release(): void
}

export interface PartDecryptor {
  /** Memory for a part's ciphertext; `decryptPart` takes it back. */
  lend(length: number): Uint8Array<ArrayBuffer>
  /** Verifies `sha256` first, then decrypts to true plaintext, padding cut. @throws ClientError `integrity` */
  decryptPart(index: number, ciphertext: Uint8Array<ArrayBuffer>, sha256: Uint8Array): Promise<DecryptedPart>
  close(): Promise<void>
}

export interface CipherInput {
  readonly layout: ContentLayout
  readonly dek: Dek
  readonly blobId: BlobId
  /** Key of the parts' `mac`s, 32 bytes, for who compares plaintext later. */
  readonly macKey?: Uint8Array | undefined
}

export interface EncryptorInput extends CipherInput {
  readonly source: SeekableSource
  /** Of a blob that an earlier attempt began; a new one is made where it is absent. */
  readonly header?: Uint8Array | undefined
  /** Memory for the only part of a small content, of exactly its length; else the encryptor's own is lent. */
  readonly output?: Uint8Array<ArrayBuffer> | undefined
}

/** Content encryption of whole parts: inline, or in worker threads. */
export interface ContentCipher {
  /** @throws CryptoError `decrypt_failed` when a header that was given does not fit the key */
  encryptor(input: EncryptorInput): Promise<PartEncryptor>
  /** @throws ClientError `integrity` when the header's tag does not fit the key */
  decryptor(input: CipherInput & { readonly header: Uint8Array }): Promise<PartDecryptor>
  /** Has memory of contents that end lie ready, wiped, for others to come, until what it returns is called. */
  keepMemory?(): () => void
  /** Ends workers. */
  close(): Promise<void>
}
