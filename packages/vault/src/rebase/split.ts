import { encodeBody } from '../log/body-codec.ts'
import type { Operation } from '../log/operations.ts'
import { idKey } from '../state/id-key.ts'

/**
 * Most operations and bytes of a batch. A rebase puts at most one `create` before each version and lengthens names, so
 * that a batch within these always fits into one commit, however often it is rebased.
 */
const MOST_OPERATIONS = 4500
const MOST_BYTES = 400 * 1024

/**
 * Splits operations into batches, one for each commit: each is valid alone once those before it were applied, and
 * still fits into a commit after any rebase. A new file stays with its version, and what is replaced with what
 * replaces it.
 */
export function splitOperations(operations: readonly Operation[]): Operation[][] {
  const batches: Operation[][] = []
  let batch: Operation[] = []
  let bytes = 0
  for (const group of groups(operations)) {
    const length = encodeBody(group).length
    const full = batch.length + group.length > MOST_OPERATIONS || bytes + length > MOST_BYTES
    if (full && batch.length > 0) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(...group)
    bytes += length
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

function* groups(operations: readonly Operation[]): Generator<Operation[]> {
  let group: Operation[] = []
  for (const operation of operations) {
    const last = group.at(-1)
    if (last !== undefined && !belongTogether(last, operation)) {
      yield group
      group = []
    }
    group.push(operation)
  }
  if (group.length > 0) yield group
}

function belongTogether(first: Operation, second: Operation): boolean {
  if (first.op === 'trash') return second.op === 'create' || second.op === 'move'
  return first.op === 'create' && second.op === 'addVersion' && idKey(first.nodeId) === idKey(second.nodeId)
}
