import { timingSafeEqual } from 'node:crypto'
import { LIMITS } from '@strongroom/protocol'
import type { Database } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { createSession, endOtherSessions, type NewSession } from '../sessions/sessions.ts'
import { accountOrStranger } from './account-or-stranger.ts'
import { releaseRecoveryEnvelope } from './credentials.ts'
import { requireEnabled } from './disabled.ts'
import { loginName, releaseKeyring } from './login.ts'
import { answerRegistration, checkRecord } from './opaque-record.ts'
import { holdVersions, readVersions, replaceCredentials, type Versions } from './replace-credentials.ts'
import { withSecondFactor } from './second-factor.ts'

const ID_LENGTH = 32

interface Deps {
  database: Database
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
}

export interface OpenedRecovery {
  readonly recoveryId: Uint8Array
  readonly accountId: Uint8Array
  readonly versions: Versions
  readonly recoveryEnvelope: Uint8Array
  readonly keyring: Uint8Array
}

/**
 * Lets in who knows the recovery key, by its authentication branch, and releases what it opens.
 *
 * Invariant: nothing that a client sealed leaves before both the branch and the second factor were right. An unknown account takes the
 * path of a wrong key: one row is looked for, one hash compared, one failure counted.
 *
 * @throws ServerError `recovery_failed` for a wrong key or an unknown account, `account_disabled`,
 *   `second_factor_required`, `second_factor_failed`
 */
export async function openRecovery(
  deps: Deps,
  input: { login: string; auth: Uint8Array; code?: string | undefined },
): Promise<OpenedRecovery> {
  const login = loginName(input.login)
  const account = await accountOrStranger(deps, login)
  const matches = timingSafeEqual(sha256(input.auth), account.recoveryAuthHash)
  if (account.isStranger || !matches) {
    await recordAudit(deps, deps.database, account.id, 'recovery_failed')
    throw new ServerError('recovery_failed')
  }
  await requireEnabled(deps.database, account.id)
  const { version, envelope } = await releaseRecoveryEnvelope(deps, account.id)
  const { keyring, keyringVersion } = await releaseKeyring(deps, account.id)
  const versions = {
    ...(await readVersions(deps.database, account.id)),
    recovery: version,
    keyring: keyringVersion,
  }
  const recoveryId = deps.random.bytes(ID_LENGTH)
  await withSecondFactor(deps, { accountId: account.id, code: input.code }, async (tx, spend) => {
    await tx
      .insertInto('recovery_states')
      .values({
        id_hash: sha256(recoveryId),
        account_id: account.id,
        password_version: versions.password,
        recovery_version: versions.recovery,
        keyring_version: versions.keyring,
        expires_ms: deps.clock.nowMs() + LIMITS.recoveryLifeMs,
      })
      .execute()
    await spend()
    // Whether the recovery is ever finished: whoever asked has all keys from here on.
    await recordAudit(deps, tx, account.id, 'keys_released')
  })
  return { recoveryId, accountId: account.id, versions, recoveryEnvelope: envelope, keyring }
}

/** A recovery under way. @throws ServerError `recovery_failed` when it is unknown, finished or too old */
async function recoveryOf(
  deps: Pick<Deps, 'clock'> & { database: Database },
  recoveryId: Uint8Array,
): Promise<{ accountId: Uint8Array; loginHash: string; expected: Versions }> {
  const row = await deps.database
    .selectFrom('recovery_states')
    .innerJoin('accounts', 'accounts.id', 'recovery_states.account_id')
    .select(['account_id', 'login_hash', 'password_version', 'recovery_version', 'keyring_version', 'expires_ms'])
    .where('id_hash', '=', sha256(recoveryId))
    .executeTakeFirst()
  if (row === undefined || row.expires_ms <= deps.clock.nowMs()) throw new ServerError('recovery_failed')
  return {
    accountId: row.account_id,
    loginHash: row.login_hash,
    expected: { password: row.password_version, recovery: row.recovery_version, keyring: row.keyring_version },
  }
}

/** OPAQUE's first registration message for the new password. @throws ServerError `recovery_failed`, `bad_request` */
export async function startRecovery(
  deps: Deps,
  input: { recoveryId: Uint8Array; request: string },
): Promise<{ response: string }> {
  const { loginHash } = await recoveryOf(deps, input.recoveryId)
  return answerRegistration(deps, loginHash, input.request)
}

export interface RecoveryInput {
  readonly recoveryId: Uint8Array
  readonly record: string
  readonly passwordEnvelope: Uint8Array
  readonly recoveryEnvelope: Uint8Array
  readonly recoveryAuthHash: Uint8Array
}

/**
 * Stores the new password and the new recovery key in one transaction, ends all sessions and begins one.
 *
 * @throws ServerError `recovery_failed`, `versions_moved` when another device changed the keys since,
 *   `account_disabled`, `bad_request`
 */
export async function finishRecovery(deps: Deps, input: RecoveryInput): Promise<NewSession> {
  const { accountId, loginHash, expected } = await recoveryOf(deps, input.recoveryId)
  checkRecord(deps, loginHash, input.record)
  const outer = await deps.outerKeys.newest(accountId)
  return deps.database.transaction().execute(async (tx) => {
    await holdVersions(tx, accountId, expected)
    await requireEnabled(tx, accountId)
    await replaceCredentials(
      deps,
      tx,
      { accountId, outer, expected },
      {
        password: { loginHash, record: input.record, envelope: input.passwordEnvelope },
        recovery: { authHash: input.recoveryAuthHash, envelope: input.recoveryEnvelope },
      },
    )
    // This one and those that others began: of racing ones the first wins.
    await tx.deleteFrom('recovery_states').where('account_id', '=', accountId).execute()
    await endOtherSessions(tx, accountId, null)
    const session = await createSession({ ...deps, database: tx }, { accountId, outer })
    await recordAudit(deps, tx, accountId, 'recovery_used', session.sessionId)
    return session
  })
}
