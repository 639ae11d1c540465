import type { Database } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { ServerError } from '../errors.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { openOuter } from '../keys/outer-layer.ts'
import { envelopePlace } from '../keys/places.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { endOtherSessions, type Session } from '../sessions/sessions.ts'
import { loginName } from './login.ts'
import { type LoginProof, requireProven } from './login-state.ts'
import { checkRecord } from './opaque-record.ts'
import { provePassword } from './proof.ts'
import {
  holdVersions,
  type NextCredentials,
  RECOVERY,
  readVersions,
  replaceCredentials,
  requireVersions,
  type Versions,
} from './replace-credentials.ts'

interface Deps {
  database: Database
  clock: Clock
  random: Random
  setup: ServerSetup
  outerKeys: OuterKeys
}

export interface CredentialsChange {
  readonly proof: LoginProof
  readonly expected: Versions
  readonly password?: { readonly login: string; readonly record: string; readonly envelope: Uint8Array } | undefined
  readonly passwordEnvelope?: NextCredentials['passwordEnvelope']
  readonly recovery?: NextCredentials['recovery']
  readonly keyring?: NextCredentials['keyring']
}

/**
 * Replaces password, login name, recovery key or keyring in one transaction, after the current password was proved.
 * With a new password or keyring all other sessions end.
 *
 * @throws ServerError `versions_moved`, `login_failed`, `login_taken`, `bad_request`
 */
export async function changeCredentials(deps: Deps, session: Session, change: CredentialsChange): Promise<Versions> {
  const { accountId } = session
  if (change.password !== undefined && change.passwordEnvelope !== undefined) {
    throw new ServerError('bad_request', { details: { path: 'passwordEnvelope' } })
  }
  // Asked before the proof is used up, so that who repeats a change that was made learns that it was.
  requireVersions(await readVersions(deps.database, accountId), change.expected)
  // And this, so that who repeats it after the key service was away is not told that the password is wrong.
  const outer = await deps.outerKeys.newest(accountId)
  const proven = await provePassword(deps, accountId, change.proof)
  const password = change.password === undefined ? undefined : checkedPassword(deps, change.password)
  return deps.database.transaction().execute(async (tx) => {
    await holdVersions(tx, accountId, change.expected)
    await requireProven(tx, proven)
    const before = await tx
      .selectFrom('accounts')
      .select('login_hash')
      .where('id', '=', accountId)
      .executeTakeFirstOrThrow()
    const account = { accountId, outer, expected: change.expected }
    const { passwordEnvelope, recovery, keyring } = change
    const next = { password, passwordEnvelope, recovery, keyring }
    const versions = await replaceCredentials(deps, tx, account, next)
    if (password !== undefined || keyring !== undefined) await endOtherSessions(tx, accountId, session.id)
    const record = (event: Parameters<typeof recordAudit>[3]) => recordAudit(deps, tx, accountId, event, session.id)
    if (password !== undefined) {
      await record(password.loginHash === before.login_hash ? 'password_changed' : 'login_changed')
    }
    if (recovery !== undefined) await record('recovery_key_replaced')
    // All that an account key opens, or is opened by, was replaced at once.
    const isRotation = (password !== undefined || passwordEnvelope !== undefined) && recovery !== undefined
    if (keyring !== undefined) await record(isRotation ? 'account_key_rotated' : 'keyring_replaced')
    return versions
  })
}

function checkedPassword(
  deps: Pick<Deps, 'setup'>,
  { login, record, envelope }: NonNullable<CredentialsChange['password']>,
): NextCredentials['password'] {
  const name = loginName(login)
  const loginHash = deps.setup.userIdentifier(name)
  checkRecord(deps, loginHash, record)
  return { loginHash, record, envelope }
}

/** The versions of all sealed keys, and the recovery envelope, which only the recovery key opens. */
export async function readCredentials(
  deps: Deps,
  session: Session,
): Promise<{ versions: Versions; recoveryEnvelope: Uint8Array }> {
  const { accountId } = session
  const { version, envelope } = await releaseRecoveryEnvelope(deps, accountId)
  const versions = await readVersions(deps.database, accountId)
  return { versions: { ...versions, recovery: version }, recoveryEnvelope: envelope }
}

/** The recovery envelope without its outer layer, as its client sealed it. */
export async function releaseRecoveryEnvelope(
  deps: Pick<Deps, 'database' | 'outerKeys'>,
  accountId: Uint8Array,
): Promise<{ version: number; envelope: Uint8Array }> {
  const row = await deps.database
    .selectFrom('envelopes')
    .select(['version', 'outer_version', 'sealed'])
    .where('account_id', '=', accountId)
    .where('method', '=', RECOVERY)
    .executeTakeFirstOrThrow()
  const key = await deps.outerKeys.version(accountId, row.outer_version)
  return { version: row.version, envelope: openOuter(key, envelopePlace(accountId, RECOVERY, row.version), row.sealed) }
}

/** Notes that the recovery key was tested on a device of the account; that device alone knows how it went. */
export async function noteRecoveryTest(deps: Pick<Deps, 'database' | 'clock'>, session: Session): Promise<void> {
  await recordAudit(deps, deps.database, session.accountId, 'recovery_key_tested', session.id)
}
