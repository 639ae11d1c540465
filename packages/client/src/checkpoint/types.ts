import type { ResponseOf, ROUTES } from '@strongroom/protocol'
import type { ChainState, CheckpointManifest, VaultState } from '@strongroom/vault'
import type { UploadedContent } from '../upload/types.ts'

/** What the server says is the newest checkpoint. */
export type ServedCheckpoint = ResponseOf<(typeof ROUTES)['checkpointRead']>

/** A checkpoint that was verified; what stands behind it, the log itself, is still to be read up to its naming. */
export interface OpenedCheckpoint {
  readonly manifest: CheckpointManifest
  readonly served: ServedCheckpoint
  /** The commit that names it. */
  readonly namedBy: { readonly seq: number; readonly hash: Uint8Array }
  /** Of the sealed manifest. */
  readonly hash: Uint8Array
  /** The chain after commit `manifest.seq`, and the state then. */
  readonly chain: ChainState
  readonly state: VaultState
}

/** What a checkpoint will be named with. */
export interface CheckpointDraft {
  readonly manifest: CheckpointManifest
  /** Blobs that the vault does not refer to yet. */
  readonly uploads: readonly UploadedContent[]
  /** Sequence number of the commit that named the checkpoint before; −1 when there was none. */
  readonly previousBySeq: number
}
