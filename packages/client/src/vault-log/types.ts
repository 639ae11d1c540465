import type { BlobId, Dek } from '@strongroom/crypto'
import type { ChainState, Operation, RebaseOutcome, Role, VaultState } from '@strongroom/vault'
import type { CheckpointDraft, OpenedCheckpoint } from '../checkpoint/types.ts'
import type { UploadedContent } from '../upload/types.ts'
import type { WrappedDek } from './pending.ts'

/** Unwraps a DEK of this vault. @throws CryptoError `decrypt_failed` */
export type DekOpener = (epoch: number, blobId: BlobId, wrapped: Uint8Array) => Promise<Dek>

/** Operations of one commit, planned on a given state. */
export interface PlannedChange {
  readonly operations: readonly Operation[]
  /** Contents that the operations name for the first time; their DEKs are wrapped beside the commit. */
  readonly contents: readonly UploadedContent[]
  /** Whether files whose names are taken meanwhile get other names (the default), or are left out. */
  readonly collisions?: 'keep' | 'skip'
  /** Drop it when others commit first, instead of rebasing it: for what must be planned anew on what they did. */
  readonly onlyAsPlanned?: boolean
}

/** Plans a change on the state that this device has; called once. null: nothing is to be done. */
export type Planner = (state: VaultState) => PlannedChange | null

/** What became of a planned change. */
export interface Committed {
  /** Whether others committed first, so that things may have become something else than planned. */
  readonly rebased: boolean
  /**
   * What became of the operation that adds this version, or else creates, moves, trashes or restores this node; null
   * for what was not planned.
   */
  fateOf(id: Uint8Array): RebaseOutcome | null
}

/** A vault after one of its commits. */
export interface VaultSnapshot {
  readonly chain: ChainState
  readonly state: VaultState
}

/** An owner's word on wraps, for the server. */
export interface SignedWraps {
  readonly vaultId: Uint8Array
  readonly epoch: number
  readonly wraps: { blobId: Uint8Array; sha256: Uint8Array }[]
  readonly signature: Uint8Array
}

/** What begins with an epoch. */
export interface EpochWish {
  /** New identity keys too, for who fears that the old ones are known. */
  readonly identity: boolean
}

/** The verified log of one vault, and the state that it adds up to. */
export interface VaultLog {
  readonly state: VaultState
  /** Authentic commits that `sync` read and left out, because they break a rule of the log. */
  readonly leftOut: number
  /** The newest commit that was verified; null before genesis was read. */
  readonly head: { readonly seq: number; readonly hash: Uint8Array } | null
  /** Fetches, verifies and applies newer commits; returns how many. */
  sync(signal: AbortSignal | undefined): Promise<number>
  /**
   * Commits a change, on top of whatever was committed meanwhile: in one commit, or as many as it takes. Nothing is
   * done twice, whatever gets lost on the way.
   *
   * @throws ClientError `conflict` when it cannot be made
   */
  commit(plan: Planner, signal: AbortSignal | undefined): Promise<Committed>
  readonly unwrap: DekOpener
  /** Wraps a DEK of this vault under its newest epoch. */
  wrap(blobId: BlobId, dek: Dek): Promise<WrappedDek>
  /** Signs that wraps of the newest epoch, which hold keys that were tried, may replace older ones. */
  signWraps(wraps: readonly { readonly blobId: BlobId; readonly bytes: Uint8Array }[]): Promise<SignedWraps>
  /** Of this account; null before genesis was read, and for who is no active member. */
  readonly role: Role | null
  /** Where the account's anchor is. */
  readonly anchorSeq: number
  /** Of the next commit; 0 before genesis was read. */
  readonly epoch: number
  /**
   * Starts the next epoch, with a new vault key. Another one that a device started meanwhile serves as well: then `own`
   * is false.
   */
  startEpoch(wish: EpochWish, signal: AbortSignal | undefined): Promise<{ epoch: number; own: boolean }>
  /** Bytes of sealed bodies since the last commit that named a checkpoint. */
  readonly bodyBytes: number
  /** An independent copy of the vault as this device has it; null before its genesis was read. */
  snapshot(): Promise<VaultSnapshot | null>
  /** Reads and verifies the newest checkpoint; null when there is none. */
  readCheckpoint(signal: AbortSignal | undefined): Promise<OpenedCheckpoint | null>
  /** Commits a checkpoint; false when another one was named meanwhile. */
  nameCheckpoint(draft: CheckpointDraft, signal: AbortSignal | undefined): Promise<boolean>
  /** Saves the sealed cache if it is behind. */
  flush(): Promise<void>
  close(): Promise<void>
}
