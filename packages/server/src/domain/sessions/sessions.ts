import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { OuterKey } from '../keys/outer-keys.ts'
import { storeHalf } from './halves.ts'

const TOKEN_LENGTH = 32
const DAY_MS = 24 * 60 * 60 * 1000
const LIFE_MS = 30 * DAY_MS
// A session slides at most this often, so that reading does not write on every request.
const SLIDE_MS = 60 * 60 * 1000

export interface Session {
  readonly id: Uint8Array
  readonly accountId: Uint8Array
}

export interface NewSession {
  readonly sessionId: Uint8Array
  readonly accountId: Uint8Array
  readonly token: Uint8Array
  readonly expiresAtMs: number
  /** The server's half of the key that seals the account key on the device. */
  readonly serverHalf: Uint8Array
}

interface Deps {
  database: Database
  clock: Clock
  random: Random
}

/**
 * Begins a session; only the hash of its token is stored, and the server's half under the outer layer.
 *
 * @param input.outer - the account's newest outer key, got before the transaction
 * @param input.deviceId - the device that it belongs to, where that was told; the caller records it
 */
export async function createSession(
  deps: Omit<Deps, 'database'> & { database: DatabaseTransaction },
  input: { accountId: Uint8Array; outer: OuterKey; deviceId?: Uint8Array | undefined },
): Promise<NewSession> {
  const { accountId, outer, deviceId } = input
  const now = deps.clock.nowMs()
  const token = deps.random.bytes(TOKEN_LENGTH)
  const id = deps.random.bytes(16)
  await deps.database
    .insertInto('sessions')
    .values({
      token_hash: sha256(token),
      id,
      account_id: accountId,
      device_id: deviceId ?? null,
      created_ms: now,
      used_ms: now,
      expires_ms: now + LIFE_MS,
    })
    .execute()
  const serverHalf = await storeHalf(deps, { id, accountId }, outer)
  return { sessionId: id, accountId, token, expiresAtMs: now + LIFE_MS, serverHalf }
}

/**
 * The session of a bearer token, extended by its use.
 *
 * @throws ServerError `session_expired` for tokens that are unknown, revoked or past their end, `account_disabled`
 */
export async function settleSession(deps: Omit<Deps, 'random'>, token: Uint8Array): Promise<Session> {
  const tokenHash = sha256(token)
  const row = await deps.database
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .select(['sessions.id', 'account_id', 'used_ms', 'expires_ms', 'disabled_ms'])
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst()
  const now = deps.clock.nowMs()
  if (row === undefined || row.expires_ms <= now) throw new ServerError('session_expired')
  if (row.disabled_ms !== null) throw new ServerError('account_disabled')
  if (row.used_ms + SLIDE_MS <= now) {
    await slide(deps, { id: row.id, accountId: row.account_id }, { usedMs: row.used_ms, now })
  }
  return { id: row.id, accountId: row.account_id }
}

/** Extends a session. On the first use of a day it is noted, once, that its keys were handed out again. */
async function slide(
  deps: Omit<Deps, 'random'>,
  session: Session,
  { usedMs, now }: { usedMs: number; now: number },
): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    const moved = await tx
      .updateTable('sessions')
      .set({ used_ms: now, expires_ms: now + LIFE_MS })
      .where('id', '=', session.id)
      .where('used_ms', '=', usedMs)
      .executeTakeFirst()
    if (moved.numUpdatedRows === 0n || dayOf(usedMs) === dayOf(now)) return
    await recordAudit(deps, tx, session.accountId, 'keys_released', session.id)
  })
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS)
}

/** Ends a session; ending it again does nothing. */
export async function endSession(deps: Omit<Deps, 'random'>, session: Session): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    if (!(await lockSession(tx, session))) return
    await recordAudit(deps, tx, session.accountId, 'signed_out', session.id)
    await tx.deleteFrom('sessions').where('id', '=', session.id).execute()
  })
}

/**
 * Locks a session of an account; false where there is none.
 *
 * Lock order of transactions: sessions before the head of the audit log.
 */
export async function lockSession(tx: DatabaseTransaction, session: Session): Promise<boolean> {
  const row = await tx
    .selectFrom('sessions')
    .select('id')
    .where('id', '=', session.id)
    .where('account_id', '=', session.accountId)
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Ends the sessions of an account, in the transaction that changed what lets them in.
 *
 * @param exceptId - session that goes on, or null
 * @returns how many ended
 */
export async function endOtherSessions(
  database: Database | DatabaseTransaction,
  accountId: Uint8Array,
  exceptId: Uint8Array | null,
): Promise<number> {
  const all = database.deleteFrom('sessions').where('account_id', '=', accountId)
  const ended = await (exceptId === null ? all : all.where('id', '!=', exceptId)).executeTakeFirst()
  return Number(ended.numDeletedRows)
}
