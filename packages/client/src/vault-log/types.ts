import type { BlobId, Dek } from '@strongroom/crypto'
import type { Operation, VaultState } from '@strongroom/vault'
import type { UploadedContent } from '../upload/types.ts'

/** Unwraps a DEK of this vault. @throws CryptoError `decrypt_failed` */
export type DekOpener = (epoch: number, blobId: BlobId, wrapped: Uint8Array) => Promise<Dek>

/** Operations of one commit, planned on a given state. */
export interface PlannedChange {
  readonly operations: readonly Operation[]
  /** Contents that the operations name for the first time; their DEKs are wrapped beside the commit. */
  readonly contents: readonly UploadedContent[]
}

/**
 * Plans a change on the newest state. Called again on a newer one when somebody else committed first, so it must choose
 * ids outside. null: nothing is left to do.
 */
export type Planner = (state: VaultState) => PlannedChange | null

/** The verified log of one vault, and the state that it adds up to. */
export interface VaultLog {
  readonly state: VaultState
  /** Authentic commits that `sync` read and left out, because they break a rule of the log. */
  readonly leftOut: number
  /** Fetches, verifies and applies newer commits; returns how many. */
  sync(signal: AbortSignal | undefined): Promise<number>
  /** Appends one commit, on top of whatever was committed meanwhile. @throws ClientError `conflict` */
  commit(plan: Planner, signal: AbortSignal | undefined): Promise<void>
  readonly unwrap: DekOpener
  /** Saves the sealed cache if it is behind. */
  flush(): Promise<void>
  close(): Promise<void>
}
