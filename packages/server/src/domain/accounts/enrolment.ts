import { LIMITS } from '@strongroom/protocol'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal, hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { openOuter, sealOuter } from '../keys/outer-layer.ts'
import { totpPlace } from '../keys/places.ts'
import { countAttempt, type RateLimit } from '../sessions/rate-limit.ts'
import type { Session } from '../sessions/sessions.ts'
import { areBackupCodes, backupCodeHash, replaceBackupCodes } from './backup-codes.ts'
import { type LoginProof, requireProven } from './login-state.ts'
import { provePassword } from './proof.ts'
import { type SecondFactorDeps, withSecondFactor } from './second-factor.ts'
import { TOTP_SECRET_LENGTH, totpStep } from './totp.ts'

const CONFIRMATIONS: RateLimit = { name: 'second-factor-confirm', points: 20, windowMs: 60 * 60 * 1000 }

export interface SecondFactorState {
  readonly enabled: boolean
  readonly backupCodesLeft: number
}

/** Whether the account asks for a second factor, and how many backup codes are left. */
export async function readSecondFactor(
  { database }: { database: Database },
  accountId: Uint8Array,
): Promise<SecondFactorState> {
  const totp = await totpOf(database, accountId)
  if (totp?.active !== true) return { enabled: false, backupCodesLeft: 0 }
  const { count } = await database
    .selectFrom('backup_codes')
    .select((build) => build.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  return { enabled: true, backupCodesLeft: Number(count) }
}

function totpOf(database: Database | DatabaseTransaction, accountId: Uint8Array) {
  return database.selectFrom('totp').selectAll().where('account_id', '=', accountId).executeTakeFirst()
}

/**
 * Makes a secret, pending until a code of it is shown. It takes the password, so that who finds a device unlocked can't
 * lock its owner out with an authenticator of their own.
 *
 * @throws ServerError `login_failed`, `second_factor_conflict` when one is on already
 */
export async function beginSecondFactor(
  deps: SecondFactorDeps & { random: Random },
  session: Session,
  proof: LoginProof,
): Promise<{ enrolmentId: Uint8Array; secret: Uint8Array }> {
  const { accountId } = session
  // Before the proof is used up, so that who repeats this after an outage is not told that the password is wrong.
  const outer = await deps.outerKeys.newest(accountId)
  const proven = await provePassword(deps, accountId, proof)
  const secret = deps.random.bytes(TOTP_SECRET_LENGTH)
  const enrolmentId = deps.random.bytes(16)
  const row = {
    account_id: accountId,
    enrolment_id: enrolmentId,
    active: false,
    // Before the first step there is.
    last_step: -1,
    outer_version: outer.version,
    sealed: sealOuter(deps.random, outer.key, totpPlace(accountId, enrolmentId), secret),
    created_ms: deps.clock.nowMs(),
  }
  await deps.database.transaction().execute(async (tx) => {
    await requireProven(tx, proven)
    const written = await tx
      .insertInto('totp')
      .values(row)
      .onConflict((conflict) => conflict.column('account_id').doUpdateSet(row).where('totp.active', '=', false))
      .executeTakeFirst()
    if (written.numInsertedOrUpdatedRows !== 1n) throw new ServerError('second_factor_conflict')
  })
  return { enrolmentId, secret }
}

/**
 * Turns a pending second factor on. Repeating it with the same backup codes is harmless; other ones, which would never
 * work, are refused.
 *
 * @param input.backupCodes - normalised
 * @throws ServerError `second_factor_failed`, `second_factor_conflict` when another one was begun or is on, or this one
 * is too old
 */
export async function confirmSecondFactor(
  deps: SecondFactorDeps,
  session: Session,
  input: { enrolmentId: Uint8Array; code: string; backupCodes: readonly string[] },
): Promise<void> {
  const { accountId } = session
  const totp = await totpOf(deps.database, accountId)
  if (totp === undefined || !equal(totp.enrolment_id, input.enrolmentId)) throw conflict()
  const hashes = input.backupCodes.map((code) => backupCodeHash(deps.setup, accountId, code))
  if (totp.active) {
    if (await areBackupCodes(deps.database, accountId, hashes)) return
    throw conflict()
  }
  if (totp.created_ms + LIMITS.enrolmentLifeMs <= deps.clock.nowMs()) throw conflict()
  const key = await deps.outerKeys.version(accountId, totp.outer_version)
  await countAttempt(deps, CONFIRMATIONS, hex(accountId))
  const secret = openOuter(key, totpPlace(accountId, totp.enrolment_id), totp.sealed)
  const step = totpStep(secret, input.code.replaceAll(/\s/g, ''), deps.clock.nowMs())
  secret.fill(0)
  if (step === null) throw new ServerError('second_factor_failed')
  await deps.database.transaction().execute(async (tx) => {
    const confirmed = await tx
      .updateTable('totp')
      .set({ active: true, last_step: step })
      .where('account_id', '=', accountId)
      .where('enrolment_id', '=', input.enrolmentId)
      .where('active', '=', false)
      .executeTakeFirst()
    if (confirmed.numUpdatedRows !== 1n) throw conflict()
    await replaceBackupCodes(tx, accountId, hashes)
    await recordAudit(deps, tx, accountId, 'second_factor_enabled', session.id)
  })
}

/**
 * Turns the second factor off. Where it is off already, nothing is asked.
 *
 * @throws ServerError `login_failed`, `second_factor_failed`, `too_many_requests`
 */
export async function disableSecondFactor(
  deps: SecondFactorDeps,
  session: Session,
  input: { proof: LoginProof; code: string },
): Promise<void> {
  const { accountId } = session
  const totp = await totpOf(deps.database, accountId)
  if (totp?.active !== true) return
  await deps.outerKeys.version(accountId, totp.outer_version)
  const proven = await provePassword(deps, accountId, input.proof)
  await withSecondFactor(deps, { accountId, code: input.code }, async (tx, spend) => {
    await requireProven(tx, proven)
    await spend()
    await tx
      .deleteFrom('totp')
      .where('account_id', '=', accountId)
      .where('enrolment_id', '=', totp.enrolment_id)
      .execute()
    await replaceBackupCodes(tx, accountId, [])
    await recordAudit(deps, tx, accountId, 'second_factor_disabled', session.id)
  })
}

/**
 * Puts new backup codes in the place of the old ones. Repeating it with the same codes is harmless.
 *
 * @param input.backupCodes - normalised
 * @throws ServerError `second_factor_conflict` without a second factor, `second_factor_failed`, `too_many_requests`
 */
export async function renewBackupCodes(
  deps: SecondFactorDeps,
  session: Session,
  input: { code: string; backupCodes: readonly string[] },
): Promise<void> {
  const { accountId } = session
  const totp = await totpOf(deps.database, accountId)
  if (totp?.active !== true) throw conflict()
  const hashes = input.backupCodes.map((code) => backupCodeHash(deps.setup, accountId, code))
  // Reason: the answer to the first attempt may have been lost, and its code works only once.
  if (await areBackupCodes(deps.database, accountId, hashes)) return
  await withSecondFactor(deps, { accountId, code: input.code }, async (tx, spend) => {
    const same = await tx
      .selectFrom('totp')
      .select('account_id')
      .where('account_id', '=', accountId)
      .where('enrolment_id', '=', totp.enrolment_id)
      .forUpdate()
      .executeTakeFirst()
    if (same === undefined) throw conflict()
    await spend()
    await replaceBackupCodes(tx, accountId, hashes)
    await recordAudit(deps, tx, accountId, 'backup_codes_replaced', session.id)
  })
}

function conflict(): ServerError {
  return new ServerError('second_factor_conflict')
}
