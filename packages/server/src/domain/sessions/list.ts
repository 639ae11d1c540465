import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { endOtherSessions, lockSession, type Session } from './sessions.ts'

export interface ListedSession {
  readonly sessionId: Uint8Array
  readonly deviceId: Uint8Array | null
  readonly createdAtMs: number
  readonly usedAtMs: number
  readonly expiresAtMs: number
  readonly current: boolean
}

/** Most sessions that a list shows. */
const MOST_LISTED = 1000

/** The sessions of an account that have not ended, the last used first. */
export async function listSessions(deps: { database: Database; clock: Clock }, own: Session): Promise<ListedSession[]> {
  const rows = await deps.database
    .selectFrom('sessions')
    .select(['id', 'device_id', 'created_ms', 'used_ms', 'expires_ms'])
    .where('account_id', '=', own.accountId)
    .where('expires_ms', '>', deps.clock.nowMs())
    .orderBy('used_ms', 'desc')
    .orderBy('id')
    .limit(MOST_LISTED)
    .execute()
  return rows.map((row) => ({
    sessionId: row.id,
    deviceId: row.device_id,
    createdAtMs: row.created_ms,
    usedAtMs: row.used_ms,
    expiresAtMs: row.expires_ms,
    current: equal(row.id, own.id),
  }))
}

/** Notes the device that a session belongs to; its own claim, for its account's eyes. */
export async function setSessionDevice(
  deps: { database: Database; clock: Clock },
  session: Session,
  deviceId: Uint8Array,
): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    const changed = await tx
      .updateTable('sessions')
      .set({ device_id: deviceId })
      .where('id', '=', session.id)
      .where('device_id', 'is distinct from', deviceId)
      .executeTakeFirst()
    if (changed.numUpdatedRows > 0n) await recordAudit(deps, tx, session.accountId, 'device_named', session.id)
  })
}

/** Ends a session of the same account. @throws ServerError `not_found` */
export async function revokeSession(
  deps: { database: Database; clock: Clock },
  own: Session,
  sessionId: Uint8Array,
): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    const session = { id: sessionId, accountId: own.accountId }
    if (!(await lockSession(tx, session))) throw new ServerError('not_found')
    await recordAudit(deps, tx, own.accountId, 'session_revoked', sessionId)
    await tx.deleteFrom('sessions').where('id', '=', sessionId).execute()
  })
}

/** Ends all sessions of the account but the one that asks; returns how many. */
export function revokeOtherSessions(deps: { database: Database; clock: Clock }, own: Session): Promise<number> {
  return deps.database.transaction().execute(async (tx) => {
    const ended = await endOtherSessions(tx, own.accountId, own.id)
    if (ended > 0) await recordAudit(deps, tx, own.accountId, 'sessions_revoked', own.id)
    return ended
  })
}
