import type { Conflict } from '@strongroom/client'
import type { CommandContext } from './context.ts'
import { UsageError } from './failure.ts'
import { parseRate, parseWhole } from './quantity.ts'

/** Flags of every verb that moves bytes. */
export interface TransferFlags {
  readonly jobs?: string
  readonly limitRate?: string
}

const CONFLICTS: readonly Conflict[] = ['replace', 'keep-both', 'skip']

/**
 * Options for the SDK from flags.
 *
 * @throws UsageError
 */
export function readTransferOptions(
  context: CommandContext,
  flags: TransferFlags,
): { signal: AbortSignal; jobs: number | undefined; limitRate: number | undefined } {
  return {
    signal: context.signal,
    jobs: flags.jobs === undefined ? undefined : parseWhole(flags.jobs, '--jobs', 1, 32),
    limitRate: flags.limitRate === undefined ? undefined : parseRate(flags.limitRate),
  }
}

/**
 * The conflict mode from its flag.
 *
 * @throws UsageError for an unknown one
 */
export function parseConflict(text: string | undefined): Conflict | undefined {
  if (text === undefined) return undefined
  const found = CONFLICTS.find((conflict) => conflict === text)
  if (found === undefined) throw new UsageError('--conflict takes replace, keep-both or skip.')
  return found
}
