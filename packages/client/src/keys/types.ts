import type { CallOptions, TransferOptions, TreeFailure } from '../drive/types.ts'

/** How many contents, and their bytes. */
export interface Amount {
  readonly contents: number
  /** Of what was encrypted, each stored content once. */
  readonly bytes: number
}

/** What the server says of its own keys around the account's: its word, which nothing here can check. */
export interface ServerKeysClaim {
  /** `per-user`: the account has a key of the server's key service of its own. */
  readonly scope: 'shared' | 'per-user'
  readonly outerKeyVersion: number
  readonly outerKeyMs: number
  /** Since when the key service's key is in use; null where the server does not know. */
  readonly kmsKeyMs: number | null
  /** A rotation of them is under way. */
  readonly rotating: boolean
  /** Wrapped keys under older vault keys, of contents that have newer ones too: they go after a grace. */
  readonly olderWraps: number
  /** Whether outer key or key of the key service are older than a year: for the server's operator to rotate. */
  readonly due: boolean
}

/** The account's keys and how old they are. Times are claims of the device that made the key; null is unknown. */
export interface KeyStatus {
  readonly accountKeyMs: number | null
  readonly keyringVersion: number
  /** Hex hash of the identity card under which this account signs. */
  readonly cardHash: string
  readonly cardMs: number | null
  readonly epoch: number
  readonly epochMs: number | null
  /** Contents by the age of their keys, the youngest first; each stored content once. */
  readonly ages: readonly (Amount & { readonly underDays: number | null })[]
  readonly total: Amount
  /** Days after which a content is given a new key; null is never. */
  readonly policyDays: number | null
  /** What is due under the policy, or what `olderThanMs` says. */
  readonly due: Amount
  readonly server: ServerKeysClaim
}

export interface KeyPolicy {
  /** Days after which a content is given a new key; 365 unless set, null is never. */
  readonly contentDays: number | null
}

export interface StatusOptions extends CallOptions {
  /** Instead of the policy, in milliseconds. */
  readonly olderThanMs?: number | undefined
}

export interface RotateOptions extends TransferOptions {
  /** Instead of the policy, in milliseconds. */
  readonly olderThanMs?: number | undefined
}

/** What a rotation of contents' keys did. */
export interface RotateResult extends Amount {
  /** Contents that were changed or destroyed meanwhile, so that nothing was left to do. */
  readonly skipped: number
  readonly failures: readonly TreeFailure[]
}

/** What wrapping keys again did. */
export interface RewrapResult {
  /** Contents whose keys are now wrapped under the newest epoch. */
  readonly contents: number
  /** Those that were not before. */
  readonly wrapped: number
  /** Those whose older wraps the server was told to remove, after its grace. */
  readonly confirmed: number
}

/** What is done of an answer to a leaked password. */
export interface LeakAnswer {
  /** Password, recovery key and account key are new. */
  readonly isAccountDone: boolean
  /** Identity card and vault key are new. */
  readonly isIdentityDone: boolean
}

export interface EpochOptions extends CallOptions {
  /** Make new identity keys too, under a card that the old one signs. */
  readonly identity?: boolean | undefined
}

/** The keys of the account: how old they are, and changing them. All reject with ClientError. */
export interface Keys {
  /** Fetches what changed elsewhere first. */
  status(options?: StatusOptions): Promise<KeyStatus>
  policy(): KeyPolicy
  /**
   * Why a content that was opened, small enough and due, was not given a new key in the background; null when nothing
   * failed. Only of interest to who looks for faults: it is tried again another time.
   */
  readonly lazyFailure: unknown
  /** @throws `usage` */
  setPolicy(change: Partial<KeyPolicy>, options?: CallOptions): Promise<KeyPolicy>
  /**
   * Gives the vault a new key, which wraps the keys of what is written from now on; `own` is false when another device
   * did so at the same moment. Call `rewrap` afterwards.
   */
  startEpoch(options?: EpochOptions): Promise<{ readonly epoch: number; readonly own: boolean }>
  /** Where an answer to a leak stands; null when none is under way. */
  leakAnswer(options?: CallOptions): Promise<LeakAnswer | null>
  /**
   * Begins the answer to a leaked password, or finds the one that is under way: `session.rotateAccountKey` with a new
   * password comes next, then `startEpoch` with `identity`, `rewrap` and `endLeakAnswer`.
   */
  beginLeakAnswer(options?: CallOptions): Promise<LeakAnswer>
  endLeakAnswer(options?: CallOptions): Promise<void>
  /**
   * Wraps the keys of all contents under the newest epoch too. Moves no content, and takes no key back from who has it.
   * Call it again when it was interrupted.
   */
  rewrap(options?: TransferOptions): Promise<RewrapResult>
  /**
   * Encrypts contents whose keys are due anew, under new keys: ids, history and times of their versions stay. Downloads
   * and uploads them, with bounded memory. Call it again when it was interrupted: what is done is no longer due.
   */
  rotateContents(options?: RotateOptions): Promise<RotateResult>
}
