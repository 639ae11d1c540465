import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { totpPlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { countAttempt, forgiveAttempts, type RateLimit } from '../sessions/rate-limit.ts'
import { backupCodeHash, normaliseBackupCode, spendBackupCode } from './backup-codes.ts'
import { totpStep } from './totp.ts'

// Three codes are right at any time, so ten tries an hour find one with a chance of 3 in 100,000 an hour; and whoever
// tries has the password already.
const CODES_PER_ACCOUNT: RateLimit = { name: 'second-factor', points: 10, windowMs: 60 * 60 * 1000 }

export interface SecondFactorDeps {
  database: Database
  clock: Clock
  setup: ServerSetup
  outerKeys: OuterKeys
}

/** Whether an account asks for a second factor. */
export async function hasSecondFactor(
  deps: Pick<SecondFactorDeps, 'database'>,
  accountId: Uint8Array,
): Promise<boolean> {
  return (await activeTotp(deps, accountId)) !== undefined
}

function activeTotp({ database }: Pick<SecondFactorDeps, 'database'>, accountId: Uint8Array) {
  return database
    .selectFrom('totp')
    .select(['enrolment_id', 'outer_version', 'sealed'])
    .where('account_id', '=', accountId)
    .where('active', '=', true)
    .executeTakeFirst()
}

/**
 * Lets through who has the second factor of an account, or whose account has none. Each code works once; which ones were
 * used is settled in the database, so that of two servers one accepts.
 *
 * Call it outside of transactions, once everything else about the request was right: a failed try has to be counted, and
 * its answers tell that the account has a second factor.
 *
 * @param code - six digits of the authenticator, or a backup code, as it was typed
 * @throws ServerError `second_factor_required` without a code, `second_factor_failed`, `too_many_requests`
 */
export async function requireSecondFactor(
  deps: SecondFactorDeps,
  accountId: Uint8Array,
  code: string | undefined,
): Promise<void> {
  const totp = await activeTotp(deps, accountId)
  if (totp === undefined) return
  if (code === undefined) throw new ServerError('second_factor_required')
  const subject = hex(accountId)
  await countAttempt(deps, CODES_PER_ACCOUNT, subject)
  const digits = code.replaceAll(/\s/g, '')
  const isRight = /^[0-9]{6}$/.test(digits)
    ? await acceptTotp(deps, accountId, totp, digits)
    : await acceptBackupCode(deps, accountId, code)
  if (!isRight) {
    await recordAudit(deps, deps.database, accountId, 'second_factor_failed')
    throw new ServerError('second_factor_failed')
  }
  await forgiveAttempts(deps, CODES_PER_ACCOUNT, subject)
}

async function acceptTotp(
  deps: SecondFactorDeps,
  accountId: Uint8Array,
  totp: { enrolment_id: Uint8Array; outer_version: number; sealed: Uint8Array },
  digits: string,
): Promise<boolean> {
  const key = await deps.outerKeys.version(accountId, totp.outer_version)
  const secret = openOuter(key, totpPlace(accountId, totp.enrolment_id), totp.sealed)
  const step = totpStep(secret, digits, deps.clock.nowMs())
  secret.fill(0)
  if (step === null) return false
  // Invariant: a step is accepted once and never after a later one. The comparison and the change are one statement,
  // whose row lock makes the second of two racing requests see the first one's step.
  const accepted = await deps.database
    .updateTable('totp')
    .set({ last_step: step })
    .where('account_id', '=', accountId)
    .where('enrolment_id', '=', totp.enrolment_id)
    .where('active', '=', true)
    .where('last_step', '<', step)
    .executeTakeFirst()
  return accepted.numUpdatedRows === 1n
}

async function acceptBackupCode(deps: SecondFactorDeps, accountId: Uint8Array, code: string): Promise<boolean> {
  const normal = normaliseBackupCode(code)
  if (normal === null) return false
  const isRight = await spendBackupCode(deps.database, accountId, backupCodeHash(deps.setup, accountId, normal))
  if (isRight) await recordAudit(deps, deps.database, accountId, 'backup_code_used')
  return isRight
}
