import { pathOf, type RebaseOutcome, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { Committed } from '../vault-log/types.ts'
import { formatPath } from './paths.ts'
import type { WriteIntent, WriteOutcome } from './plan-writes.ts'
import type { Conflict } from './types.ts'

/** What a rebase does with names that were taken meanwhile. */
export function collisionsOf(conflict: Conflict): 'keep' | 'skip' {
  return conflict === 'skip' ? 'skip' : 'keep'
}

/** What became of an intent once its plan was committed, maybe on top of what others committed first. */
export function settled(
  state: VaultState,
  intent: WriteIntent,
  planned: WriteOutcome,
  committed: Committed,
): WriteOutcome {
  const fate = committed.rebased ? committed.fateOf(intent.kind === 'file' ? intent.versionId : intent.nodeId) : null
  if (fate === null || planned.outcome === 'failed') return planned
  if (fate.outcome === 'refused') return { outcome: 'failed', error: noLongerFits(fate) }
  const nodeId = fate.nodeId ?? planned.nodeId
  const names = pathOf(state, nodeId)
  const path = names === null ? planned.path : formatPath(names)
  // A conflict copy is a new file beside the one that was to be replaced.
  const isCopy = fate.outcome === 'changed' && fate.reason !== null
  const outcome = fate.outcome === 'dropped' ? 'skipped' : isCopy ? 'created' : planned.outcome
  return { outcome, path, nodeId }
}

/** A change that others have made senseless. */
export function noLongerFits({ reason }: RebaseOutcome): ClientError {
  return new ClientError('conflict', 'The change no longer fits what others changed meanwhile.', {
    details: reason === null ? {} : { reason },
  })
}
