import type { VaultFailure } from '../worker/vault-api.ts'

const HALTING: readonly string[] = ['integrity', 'account_disabled', 'upgrade_required']
const OVER: readonly string[] = ['session_expired', 'unauthenticated']

/** Whether nothing more can be done in this session. */
export function isFinal(failure: VaultFailure): boolean {
  return isSignedOut(failure) || isHalting(failure)
}

/** Whether a failure is shown instead of the drive. */
export function isHalting({ code, details }: VaultFailure): boolean {
  return HALTING.includes(code) || details.answer === 'keys_frozen'
}

/** Whether the session is over: a wrong password says `authentication` too, with a reason, and ends nothing. */
export function isSignedOut({ code, details }: VaultFailure): boolean {
  if (code !== 'authentication') return false
  return OVER.includes(String(details.answer)) || (details.answer === undefined && details.reason === undefined)
}
