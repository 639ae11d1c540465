import type { KeyObject } from 'node:crypto'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { totpPlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { countAttempt, forgiveAttempts, type RateLimit } from '../sessions/rate-limit.ts'
import { backupCodeHash, isBackupCode, normaliseBackupCode, spendBackupCode } from './backup-codes.ts'
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
    .select(['enrolment_id', 'last_step', 'outer_version', 'sealed'])
    .where('account_id', '=', accountId)
    .where('active', '=', true)
    .executeTakeFirst()
}

/** What a code counts for: uses it up, in the transaction that it lets through. */
export type SpendCode = () => Promise<void>

/**
 * Runs `task` in a transaction for who has the second factor of an account, or whose account has none. Each code works
 * once; which ones were used is settled in the database, so that of two servers one accepts.
 *
 * Invariant: a code is used up in the transaction of what it is shown for, so that one that led to nothing, because the
 * key service or the database went away, can be shown again. Whatever has to be asked of the key service for the task
 * is asked before.
 *
 * Call it once everything else about the request was right: its answers tell that the account has a second factor.
 *
 * @param input.code - six digits of the authenticator, or a backup code, as it was typed
 * @param task - calls `spend` once, after it locked the account and before it locks sessions or the audit log
 * @throws ServerError `second_factor_required` without a code, `second_factor_failed`, `too_many_requests`
 */
export async function withSecondFactor<T>(
  deps: SecondFactorDeps,
  input: { readonly accountId: Uint8Array; readonly code: string | undefined },
  task: (tx: DatabaseTransaction, spend: SpendCode) => Promise<T>,
): Promise<T> {
  const { accountId, code } = input
  const totp = await activeTotp(deps, accountId)
  if (totp === undefined) return deps.database.transaction().execute((tx) => task(tx, async () => undefined))
  if (code === undefined) throw new ServerError('second_factor_required')
  const digits = code.replaceAll(/\s/g, '')
  const isTotp = /^[0-9]{6}$/.test(digits)
  // Asked before the attempt is counted, so that an outage uses up nothing.
  const key = isTotp ? await deps.outerKeys.version(accountId, totp.outer_version) : null
  const subject = hex(accountId)
  await countAttempt(deps, CODES_PER_ACCOUNT, subject)
  const shown =
    key === null ? shownBackupCode(deps, accountId, code) : shownTotp(deps, accountId, { totp, key, digits })
  try {
    if (shown === null || !(await shown.isRight())) throw new ServerError('second_factor_failed')
    const result = await deps.database.transaction().execute((tx) => task(tx, () => shown.spend(tx)))
    await forgiveAttempts(deps, CODES_PER_ACCOUNT, subject)
    return result
  } catch (error) {
    const isWrong = error instanceof ServerError && error.code === 'second_factor_failed'
    // Outside of the transaction, which did not happen.
    if (isWrong) await recordAudit(deps, deps.database, accountId, 'second_factor_failed')
    throw error
  }
}

/** A code that somebody shows. */
interface ShownCode {
  /** Whether it would be accepted now. */
  isRight(): Promise<boolean>
  /** @throws ServerError `second_factor_failed` when another request used it first */
  spend(tx: DatabaseTransaction): Promise<void>
}

function shownTotp(
  deps: SecondFactorDeps,
  accountId: Uint8Array,
  input: { totp: NonNullable<Awaited<ReturnType<typeof activeTotp>>>; key: KeyObject; digits: string },
): ShownCode | null {
  const { totp } = input
  const secret = openOuter(input.key, totpPlace(accountId, totp.enrolment_id), totp.sealed)
  const step = totpStep(secret, input.digits, deps.clock.nowMs())
  secret.fill(0)
  if (step === null) return null
  return {
    isRight: async () => totp.last_step < step,
    async spend(tx) {
      // Invariant: a step is accepted once and never after a later one. The comparison and the change are one statement,
      // whose row lock makes the second of two racing requests see the first one's step.
      const accepted = await tx
        .updateTable('totp')
        .set({ last_step: step })
        .where('account_id', '=', accountId)
        .where('enrolment_id', '=', totp.enrolment_id)
        .where('active', '=', true)
        .where('last_step', '<', step)
        .executeTakeFirst()
      if (accepted.numUpdatedRows !== 1n) throw new ServerError('second_factor_failed')
    },
  }
}

function shownBackupCode(deps: SecondFactorDeps, accountId: Uint8Array, code: string): ShownCode | null {
  const normal = normaliseBackupCode(code)
  if (normal === null) return null
  const hash = backupCodeHash(deps.setup, accountId, normal)
  return {
    isRight: () => isBackupCode(deps.database, accountId, hash),
    async spend(tx) {
      if (!(await spendBackupCode(tx, accountId, hash))) throw new ServerError('second_factor_failed')
      await recordAudit(deps, tx, accountId, 'backup_code_used')
    },
  }
}
