import type { AccountId, BlobId, DeviceId } from '@strongroom/crypto/envelope'
import { compareBytes } from '@strongroom/crypto/envelope'
import type { CommitHeader } from '../header/commit-header.ts'
import { VaultError } from '../header/errors.ts'
import type { AddedReference, ReleasedReference, Section } from '../header/section.ts'
import type { Operation } from '../log/operations.ts'
import type { Authorship } from './apply-operation.ts'
import { applyOperation } from './apply-operation.ts'
import { idKey } from './id-key.ts'
import type { OperationReason } from './reasons.ts'
import type { BlobCount, MutableState, VaultState } from './state.ts'
import { REMEMBERED_CHANGES } from './state.ts'
import type { Transaction } from './transaction.ts'
import { added, begin, rollback } from './transaction.ts'

/** Why an authentic commit does not apply. */
export type SkipReason =
  | OperationReason
  | 'body_unreadable'
  | 'change_known'
  | 'operations_not_allowed'
  | 'references_differ'

export type ApplyResult =
  | { applied: true; state: VaultState }
  /** `operation` is the index of the operation that does not apply, or null. */
  | { applied: false; state: VaultState; reason: SkipReason; operation: number | null }

/** A commit that `verifyCommit` accepted, with its body opened; null when the body could not be opened or decoded. */
export interface OpenedCommit {
  header: CommitHeader
  section: Section
  operations: readonly Operation[] | null
}

/**
 * Takes in the next commit, in place: the state given is changed and returned. A commit that does not apply changes
 * nothing but `seq` and `imbalance`; the caller reports it. Total and deterministic.
 *
 * @throws VaultError `chain_broken` when the commit is not the next one of this vault, the caller's mistake
 */
export function applyCommit(state: VaultState, { header, section, operations }: OpenedCommit): ApplyResult {
  if (header.seq !== state.seq + 1 || compareBytes(header.vaultId, state.vaultId) !== 0) {
    throw new VaultError('chain_broken', 'state')
  }
  // Every VaultState is made by this package, as a MutableState.
  const mutable = state as MutableState
  const transaction = begin(mutable)
  const failure = applyAll(transaction, header, section, operations)
  mutable.seq = header.seq
  if (failure !== null) {
    rollback(transaction)
    changeImbalance(mutable, section)
    return { applied: false, state, ...failure }
  }
  rememberChange(mutable, section.changeId)
  return { applied: true, state }
}

type Failure = { reason: SkipReason; operation: number | null }

function applyAll(
  transaction: Transaction,
  header: CommitHeader,
  section: Section,
  operations: readonly Operation[] | null,
): Failure | null {
  const { state } = transaction
  const fail = (reason: SkipReason): Failure => ({ reason, operation: null })
  if (operations === null) return fail('body_unreadable')
  if (state.changeIds.has(idKey(section.changeId))) return fail('change_known')
  const pure = header.checkpointHash !== null || (header.membership && header.seq > 0)
  if (pure && operations.length > 0) return fail('operations_not_allowed')
  if (header.checkpointHash !== null) return takeCheckpoint(state, header, section) ? null : fail('references_differ')
  if (operations.length === 0) return takeCorrection(state, section) ? null : fail('references_differ')
  const failure = applyOperations(transaction, operations, authorship(header))
  if (failure !== null) return failure
  const derived = netReferences(transaction)
  const same = sameCounts(derived.added, section.added) && sameCounts(derived.released, section.released)
  return same ? null : fail('references_differ')
}

/** Applies operations one after the other; the index and reason of the first that does not apply. */
export function applyOperations(
  transaction: Transaction,
  operations: readonly Operation[],
  author: Authorship,
): { reason: OperationReason; operation: number } | null {
  for (const [operation, entry] of operations.entries()) {
    const reason = applyOperation(transaction, entry, author)
    if (reason !== null) return { reason, operation }
  }
  return null
}

function authorship(header: CommitHeader): Authorship {
  // The casts brand ids whose lengths the header's codec fixed.
  const { accountId, deviceId, timeMs } = header
  return { accountId: accountId as AccountId, deviceId: deviceId as DeviceId, timeMs }
}

/** References that a transaction's operations gain and lose, netted per blob and sorted. */
export function netReferences(transaction: Transaction): { added: AddedReference[]; released: ReleasedReference[] } {
  const gained: AddedReference[] = []
  const lost: ReleasedReference[] = []
  for (const { blobId, count } of transaction.net.values()) {
    if (count > 0) gained.push({ blobId, count, sourceVault: null })
    if (count < 0) lost.push({ blobId, count: -count })
  }
  const byBlob = (a: ReleasedReference, b: ReleasedReference): number => compareBytes(a.blobId, b.blobId)
  return { added: gained.sort(byBlob), released: lost.sort(byBlob) }
}

function sameCounts(a: readonly ReleasedReference[], b: readonly ReleasedReference[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, index) => {
      const other = b[index]
      return other !== undefined && entry.count === other.count && compareBytes(entry.blobId, other.blobId) === 0
    })
  )
}

/** A commit without operations may only take back what skipped commits did to the counts. */
function takeCorrection(state: MutableState, section: Section): boolean {
  const owed = (blobId: Uint8Array): number => state.imbalance.get(idKey(blobId))?.count ?? 0
  const fits =
    section.added.every((entry) => owed(entry.blobId) <= -entry.count) &&
    section.released.every((entry) => owed(entry.blobId) >= entry.count)
  if (fits) changeImbalance(state, section)
  return fits
}

function changeImbalance(state: MutableState, section: Section): void {
  const change = (blobId: Uint8Array, by: number): void => {
    const key = idKey(blobId)
    const entry: BlobCount | undefined = added(state.imbalance.get(key), blobId as BlobId, by)
    if (entry === undefined) state.imbalance.delete(key)
    else state.imbalance.set(key, entry)
  }
  for (const entry of section.added) change(entry.blobId, entry.count)
  for (const entry of section.released) change(entry.blobId, -entry.count)
}

/** A checkpoint commit adds the checkpoint's new blobs and releases those of the one before that it leaves out. */
function takeCheckpoint(state: MutableState, header: CommitHeader, section: Section): boolean {
  const before = new Map((state.checkpoint?.blobIds ?? []).map((blobId) => [idKey(blobId), blobId]))
  const fits =
    section.added.every(
      (entry) => entry.count === 1 && entry.sourceVault === null && !before.has(idKey(entry.blobId)),
    ) && section.released.every((entry) => entry.count === 1 && before.has(idKey(entry.blobId)))
  if (!fits || header.checkpointHash === null) return false
  for (const entry of section.released) before.delete(idKey(entry.blobId))
  for (const entry of section.added) before.set(idKey(entry.blobId), entry.blobId as BlobId)
  const blobIds = [...before.values()].sort(compareBytes)
  state.checkpoint = { hash: header.checkpointHash, namedBySeq: header.seq, blobIds }
  return true
}

function rememberChange(state: MutableState, changeId: Uint8Array): void {
  state.changeIds.set(idKey(changeId), changeId)
  const oldest = state.changeIds.keys().next()
  if (state.changeIds.size > REMEMBERED_CHANGES && oldest.done !== true) state.changeIds.delete(oldest.value)
}

/**
 * The references that a commit of these operations must name; the state is left as it was.
 *
 * @throws VaultError `operations_do_not_apply`, with the reason
 */
export function references(
  operations: readonly Operation[],
  state: VaultState,
): { added: AddedReference[]; released: ReleasedReference[] } {
  // Every VaultState is made by this package, as a MutableState; all changes are rolled back before returning.
  const transaction = begin(state as MutableState)
  const zero = new Uint8Array(16)
  const author: Authorship = { accountId: zero as AccountId, deviceId: zero as DeviceId, timeMs: 0 }
  const failure = applyOperations(transaction, operations, author)
  const result = netReferences(transaction)
  rollback(transaction)
  if (failure !== null) throw new VaultError('operations_do_not_apply', `${failure.reason} at ${failure.operation}`)
  return result
}
