import { auditEntryMessage } from '@strongroom/crypto/envelope'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { sha256 } from '../bytes.ts'

/** What an account's audit log knows; `spec/audit.md` says when each is written. */
export const AUDIT_EVENTS = [
  'registered',
  'signed_in',
  'sign_in_failed',
  'second_factor_failed',
  'device_named',
  'signed_out',
  'session_revoked',
  'sessions_revoked',
  'password_changed',
  'login_changed',
  'recovery_used',
  'recovery_failed',
  'recovery_key_replaced',
  'recovery_key_tested',
  'second_factor_enabled',
  'second_factor_disabled',
  'backup_code_used',
  'backup_codes_replaced',
  'keyring_replaced',
  'account_key_rotated',
  'card_replaced',
  'epoch_started',
  'keys_released',
  'outer_key_rotated',
  'kms_key_rotated',
  'quota_changed',
  'disabled',
  'enabled',
  'disclosed',
  'server_restored',
] as const
export type AuditEvent = (typeof AUDIT_EVENTS)[number]

/** What strangers can cause: counted, and written down at most once a minute. */
const FOLDED: ReadonlySet<AuditEvent> = new Set(['sign_in_failed', 'second_factor_failed', 'recovery_failed'])

/** The newest entry of an account's log; seq 0 and 32 zero bytes where there is none. */
export interface AuditHead {
  readonly seq: number
  readonly hash: Uint8Array
}

/** Before the first entry. */
export const NO_AUDIT: AuditHead = { seq: 0, hash: new Uint8Array(32) }

/**
 * Writes an event into the account's audit log, within the caller's transaction where there is one: the entry stands if
 * and only if that commits. It locks the account's own head until then, so do it last. Failures (`sign_in_failed`,
 * `second_factor_failed`, `recovery_failed`) are counted by one statement and become entries later; record them outside
 * of transactions that fail, also for the made-up ids of accounts that do not exist.
 *
 * @param sessionId - that asked; for `session_revoked` the one that ends, before it does
 */
export async function recordAudit(
  deps: { clock: Clock },
  database: Database | DatabaseTransaction,
  accountId: Uint8Array,
  event: AuditEvent,
  sessionId: Uint8Array | null = null,
): Promise<void> {
  const timeMs = deps.clock.nowMs()
  if (FOLDED.has(event)) {
    await sql`
      INSERT INTO audit_folds AS f (account_id, event, count, last_ms) VALUES (${accountId}, ${event}, 1, ${timeMs})
      ON CONFLICT (account_id, event) DO UPDATE SET
        count = least(f.count, 1000000000) + 1, last_ms = excluded.last_ms`.execute(database)
    return
  }
  await inTransaction(database, async (tx) => {
    const locked = await lockHead(tx, accountId, sessionId)
    // The account was deleted while the request was under way.
    if (locked === null) return
    const folded = await foldedEvents(tx, accountId)
    const { head, deviceId } = locked
    await append(tx, accountId, head, [...folded, { event, timeMs, count: 1, sessionId, deviceId }])
  })
}

/** Turns what was counted into entries, for one account. Ids without an account are only cleared. */
export async function writeFolded(database: Database | DatabaseTransaction, accountId: Uint8Array): Promise<void> {
  await inTransaction(database, async (tx) => {
    const locked = await lockHead(tx, accountId, null)
    const folded = await foldedEvents(tx, accountId)
    if (locked !== null && folded.length > 0) await append(tx, accountId, locked.head, folded)
  })
}

interface NewEntry {
  readonly event: string
  readonly timeMs: number
  readonly count: number
  readonly sessionId: Uint8Array | null
  readonly deviceId: Uint8Array | null
}

function inTransaction<T>(
  database: Database | DatabaseTransaction,
  task: (tx: Database | DatabaseTransaction) => Promise<T>,
): Promise<T> {
  return database.isTransaction ? task(database) : database.transaction().execute(task)
}

/** null where there is no such account. */
async function lockHead(
  tx: Database | DatabaseTransaction,
  accountId: Uint8Array,
  sessionId: Uint8Array | null,
): Promise<{ head: AuditHead; deviceId: Uint8Array | null } | null> {
  const read = () =>
    sql<{ seq: number; hash: Uint8Array; device_id: Uint8Array | null }>`
      SELECT seq, hash, (SELECT device_id FROM sessions WHERE id = ${sessionId}) AS device_id
      FROM audit_heads WHERE account_id = ${accountId} FOR UPDATE`.execute(tx)
  let row = (await read()).rows[0]
  if (row === undefined) {
    await sql`
      INSERT INTO audit_heads (account_id, seq, hash) SELECT id, 0, ${NO_AUDIT.hash} FROM accounts WHERE id = ${accountId}
      ON CONFLICT (account_id) DO NOTHING`.execute(tx)
    row = (await read()).rows[0]
  }
  return row === undefined ? null : { head: { seq: row.seq, hash: row.hash }, deviceId: row.device_id }
}

async function foldedEvents(tx: Database | DatabaseTransaction, accountId: Uint8Array): Promise<NewEntry[]> {
  const rows = await tx
    .deleteFrom('audit_folds')
    .where('account_id', '=', accountId)
    .returning(['event', 'count', 'last_ms'])
    .execute()
  return rows
    .sort((left, right) => left.last_ms - right.last_ms)
    .map((row) => ({ event: row.event, count: row.count, timeMs: row.last_ms, sessionId: null, deviceId: null }))
}

async function append(
  tx: Database | DatabaseTransaction,
  accountId: Uint8Array,
  head: AuditHead,
  entries: readonly NewEntry[],
): Promise<void> {
  let { seq, hash } = head
  const rows = entries.map(({ event, timeMs, count, sessionId, deviceId }) => {
    seq += 1
    hash = sha256(auditEntryMessage({ accountId, seq, timeMs, event, count, sessionId, deviceId }, hash))
    return {
      account_id: accountId,
      seq,
      time_ms: timeMs,
      event,
      count,
      session_id: sessionId,
      device_id: deviceId,
      hash,
    }
  })
  await tx
    .with('moved', (build) => build.updateTable('audit_heads').set({ seq, hash }).where('account_id', '=', accountId))
    .insertInto('audit_entries')
    .values(rows)
    .execute()
}
