import type { Mutation, Removal } from '../harness/mutant.ts'
import { ACCOUNT_CHECKS } from './account.ts'
import { CHECKPOINT_CHECKS } from './checkpoint.ts'
import { CONTENT_CHECKS } from './content.ts'
import { LOG_CHECKS } from './log.ts'
import { TRANSPORT_CHECKS } from './transport.ts'

/** Every check of the client that an attack here runs into, as the pieces of source text that make it. */
export const CHECKS = {
  ...CONTENT_CHECKS,
  ...LOG_CHECKS,
  ...CHECKPOINT_CHECKS,
  ...ACCOUNT_CHECKS,
  ...TRANSPORT_CHECKS,
} as const satisfies Record<string, Removal>

export type Check = keyof typeof CHECKS

/** What has to be changed in the sources so that none of these checks is made. */
export function mutationsOf(checks: readonly Check[]): Mutation[] {
  return checks.flatMap((check): readonly Mutation[] => {
    const removal: Removal = CHECKS[check]
    return 'file' in removal ? [removal] : removal
  })
}
