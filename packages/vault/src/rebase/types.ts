import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import type { Operation } from '../log/operations.ts'
import type { OperationReason } from '../state/reasons.ts'
import type { VaultState } from '../state/state.ts'

/** A node as the user saw it when operations on it were planned. */
export interface SeenNode {
  readonly nodeId: NodeId
  readonly parentId: NodeId
  readonly name: string
  /** Its current version then. */
  readonly versionId: VersionId | null
}

/** What conflict copies are named after. */
export interface ConflictLabel {
  readonly deviceName: string
  readonly timeMs: number
}

export interface RebaseInput {
  /** Of the commit; kept by every rebase, so that the work is never done twice. */
  readonly changeId: Uint8Array
  /** As they were planned, whatever was tried in between. */
  readonly operations: readonly Operation[]
  /** Of `seenNodes`, taken from the state that the operations were planned on. */
  readonly seen: readonly SeenNode[]
  /** The newest one; left as it was. */
  readonly state: VaultState
  readonly label: ConflictLabel
  /** What becomes of a file or link whose name was taken meanwhile: it gets another name, or is left out. */
  readonly collisions: 'keep' | 'skip'
}

/** What became of one operation. */
export interface RebaseOutcome {
  /**
   * `kept` as planned; `changed` into something else of the same intention; `dropped` because nothing is left to do;
   * `refused` because it makes no sense any more.
   */
  readonly outcome: 'kept' | 'changed' | 'dropped' | 'refused'
  /** Why it is not kept; null for names and places that were taken. */
  readonly reason: OperationReason | 'change_known' | null
  /** The node that it now acts on; null for purges and records. */
  readonly nodeId: NodeId | null
}

export interface Rebased {
  /** Apply to the state in this order. */
  readonly operations: Operation[]
  /** One for each operation given, in order. */
  readonly outcomes: RebaseOutcome[]
  /**
   * What an operation becomes that was planned after these, as part of the same plan but in a later change: it names
   * what these became. A dropped or refused outcome where it goes the way of what it depends on.
   */
  readonly follow: (later: Operation) => Operation | RebaseOutcome
}
