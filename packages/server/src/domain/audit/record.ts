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
  await inTransaction(database, (tx) => recordTogether(deps, tx, { accountId, sessionId, events: [event] }))
}

/** Writes events of one session in their order, as `recordAudit` does one that is not counted. */
export async function recordTogether(
  deps: { clock: Clock },
  tx: Database | DatabaseTransaction,
  input: {
    readonly accountId: Uint8Array
    readonly sessionId: Uint8Array | null
    readonly events: readonly AuditEvent[]
  },
): Promise<void> {
  const { accountId, sessionId, events } = input
  const timeMs = deps.clock.nowMs()
  const locked = await lockHead(tx, accountId, sessionId)
  // The account was deleted while the request was under way.
  if (locked === null) return
  const folded = await foldedEvents(tx, accountId)
  const { head, deviceId } = locked
  const fresh = events.map((event) => ({ event, timeMs, count: 1, sessionId, deviceId }))
  await append(tx, accountId, head, [...folded, ...fresh])
}

/**
 * The same for many accounts by four statements, one entry for each id; ids without an account are left out. Heads are
 * locked in the order of ids.
 */
export async function recordAuditOfMany(
  deps: { clock: Clock },
  tx: DatabaseTransaction,
  accountIds: readonly Uint8Array[],
  event: AuditEvent,
): Promise<void> {
  if (accountIds.length === 0) return
  const timeMs = deps.clock.nowMs()
  await sql`
    INSERT INTO audit_heads (account_id, seq, hash)
    SELECT id, 0, ${NO_AUDIT.hash} FROM accounts WHERE id = ANY(${accountIds}::bytea[]) ORDER BY id
    ON CONFLICT (account_id) DO NOTHING`.execute(tx)
  const heads = await tx
    .selectFrom('audit_heads')
    .select(['account_id', 'seq', 'hash'])
    .where('account_id', 'in', accountIds)
    .orderBy('account_id')
    .forUpdate()
    .execute()
  const folds = await tx
    .deleteFrom('audit_folds')
    .where('account_id', 'in', accountIds)
    .returning(['account_id', 'event', 'count', 'last_ms'])
    .execute()
  const chains = heads.map(({ account_id, ...head }) => {
    const isOwn = (id: Uint8Array): boolean => Buffer.compare(id, account_id) === 0
    const folded = folds.filter((row) => isOwn(row.account_id)).map(({ account_id: _, ...row }) => row)
    const fresh = accountIds.filter(isOwn).map(() => ({ event, timeMs, count: 1, sessionId: null, deviceId: null }))
    return chainOf(account_id, head, [...inOrder(folded), ...fresh])
  })
  if (chains.length === 0) return
  await sql`
    UPDATE audit_heads AS h SET seq = n.seq, hash = n.hash
    FROM unnest(
      ${chains.map(({ rows }) => rows[0]?.account_id)}::bytea[],
      ${chains.map(({ head }) => head.seq)}::bigint[],
      ${chains.map(({ head }) => head.hash)}::bytea[]
    ) AS n (account_id, seq, hash) WHERE h.account_id = n.account_id`.execute(tx)
  await tx
    .insertInto('audit_entries')
    .values(chains.flatMap(({ rows }) => rows))
    .execute()
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
  return inOrder(rows)
}

function inOrder(folds: readonly { event: string; count: number; last_ms: number }[]): NewEntry[] {
  return [...folds]
    .sort((left, right) => left.last_ms - right.last_ms)
    .map((row) => ({ event: row.event, count: row.count, timeMs: row.last_ms, sessionId: null, deviceId: null }))
}

/** Rows of entries that follow a head, and the head after them. */
function chainOf(accountId: Uint8Array, { seq, hash }: AuditHead, entries: readonly NewEntry[]) {
  let head = { seq, hash }
  const rows = entries.map(({ event, timeMs, count, sessionId, deviceId }) => {
    const next = head.seq + 1
    const message = auditEntryMessage({ accountId, seq: next, timeMs, event, count, sessionId, deviceId }, head.hash)
    head = { seq: next, hash: sha256(message) }
    return {
      account_id: accountId,
      seq: next,
      time_ms: timeMs,
      event,
      count,
      session_id: sessionId,
      device_id: deviceId,
      hash: head.hash,
    }
  })
  return { rows, head }
}

async function append(
  tx: Database | DatabaseTransaction,
  accountId: Uint8Array,
  before: AuditHead,
  entries: readonly NewEntry[],
): Promise<void> {
  const { rows, head } = chainOf(accountId, before, entries)
  await tx
    .with('moved', (build) => build.updateTable('audit_heads').set(head).where('account_id', '=', accountId))
    .insertInto('audit_entries')
    .values(rows)
    .execute()
}
