import { type AuditEntry, auditEntryMessage } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { equal, hex, sha256 } from '../bytes.ts'
import { NO_AUDIT } from './record.ts'

const ACCOUNTS = 500
const ENTRIES = 2000

/** The migration that made the tables of the log; see `logsSince`. */
const MIGRATION = 7
/** The clocks of server and database may differ by this. */
const SKEW_MS = 10 * 60_000

/** The first thing in an account's log that does not hold. */
export interface AuditFault {
  readonly accountId: Uint8Array
  readonly seq: number
  /** `changed`: its bytes are not those of its hash; `missing`: it is not there; `head`: the log does not end in it. */
  readonly fault: 'changed' | 'missing' | 'head'
}

export interface AuditVerification {
  readonly accounts: number
  readonly entries: number
  readonly faulty: number
  /** Accounts without any log, from before this server kept one. */
  readonly without: number
}

interface Row extends Omit<AuditEntry, 'accountId'> {
  readonly account_id: Uint8Array
  readonly hash: Uint8Array
}

interface Chain {
  readonly accountId: Uint8Array
  /** Whether the log begins with the registration, as every log does since there are any. */
  readonly whole: boolean
  readonly head: { seq: number; hash: Uint8Array }
  seq: number
  hash: Uint8Array
  fault: AuditFault | null
}

/**
 * Computes audit logs anew, of one account or all, and compares them with what is stored.
 *
 * @param options.step - called between batches with what was done; what it throws ends the work
 * @param options.report - called for each account whose log does not hold
 */
export async function verifyAudits(
  database: Database,
  options: {
    readonly accountId?: Uint8Array | undefined
    readonly step: (done: { accounts: number; entries: number }) => Promise<void>
    readonly report: (fault: AuditFault) => Promise<void>
  },
): Promise<AuditVerification> {
  const only = options.accountId
  const sinceMs = await logsSince(database)
  let [accounts, entries, faulty] = [0, 0, 0]
  let last: Uint8Array = Buffer.alloc(0)
  for (;;) {
    let query = database
      .selectFrom('audit_heads')
      .innerJoin('accounts', 'accounts.id', 'audit_heads.account_id')
      .select(['account_id', 'seq', 'hash', 'created_ms'])
      .where('account_id', '>', last)
    if (only !== undefined) query = query.where('account_id', '=', only)
    const heads = await query.orderBy('account_id').limit(ACCOUNTS).execute()
    const end = heads.at(-1)
    if (end === undefined) break
    // Heads first: what is appended meanwhile lies beyond them.
    const chains = new Map<string, Chain>()
    for (const { account_id: accountId, seq, hash, created_ms } of heads) {
      const whole = created_ms >= sinceMs
      chains.set(hex(accountId), { accountId, whole, head: { seq, hash }, seq: 0, hash: NO_AUDIT.hash, fault: null })
    }
    for await (const rows of entriesBetween(database, heads[0]?.account_id ?? last, end.account_id)) {
      for (const row of rows) follow(chains.get(hex(row.account_id)), row)
      entries += rows.length
      await options.step({ accounts, entries })
    }
    for (const chain of chains.values()) {
      const fault = chain.fault ?? endOf(chain)
      if (fault === null) continue
      faulty += 1
      await options.report(fault)
    }
    accounts += heads.length
    last = end.account_id
    await options.step({ accounts, entries })
  }
  for (const accountId of await withoutLog(database, { only, sinceMs })) {
    faulty += 1
    await options.report({ accountId, seq: 1, fault: 'missing' })
  }
  return { accounts, entries, faulty, without: await countWithout(database, { only, sinceMs }) }
}

/**
 * Accounts made since then have a log that begins with their registration. Before, by the clock of the database: 0 where
 * there has never been an account without one, because the tables came together.
 */
async function logsSince(database: Database): Promise<number> {
  const found = await sql<{ same: boolean; ms: number }>`
    SELECT l.applied_at = f.applied_at AS same, floor(extract(epoch FROM l.applied_at) * 1000)::bigint AS ms
    FROM migrations l JOIN migrations f ON f.version = 1 WHERE l.version = ${MIGRATION}`.execute(database)
  const row = found.rows[0]
  return row === undefined || row.same ? 0 : Number(row.ms) + SKEW_MS
}

async function* entriesBetween(database: Database, first: Uint8Array, last: Uint8Array): AsyncGenerator<Row[]> {
  let after = { account: first, seq: 0 }
  for (;;) {
    const found = await sql<Row>`
      SELECT account_id, seq, time_ms AS "timeMs", event, count, session_id AS "sessionId", device_id AS "deviceId", hash
      FROM audit_entries
      WHERE (account_id, seq) > (${after.account}, ${after.seq}) AND account_id <= ${last}
      ORDER BY account_id, seq LIMIT ${ENTRIES}`.execute(database)
    const end = found.rows.at(-1)
    if (end === undefined) return
    yield found.rows
    after = { account: end.account_id, seq: end.seq }
  }
}

/** Reason: a log that was removed begins anew with whatever comes next, which a chain alone does not show. */
function follow(chain: Chain | undefined, row: Row): void {
  if (chain === undefined || chain.fault !== null || row.seq > chain.head.seq) return
  const { accountId } = chain
  const seq = chain.seq + 1
  if (row.seq !== seq || (seq === 1 && chain.whole && row.event !== 'registered')) {
    chain.fault = { accountId, seq, fault: 'missing' }
    return
  }
  chain.hash = hashOf({ ...row, accountId }, chain.hash)
  chain.seq = seq
  if (!equal(chain.hash, row.hash)) chain.fault = { accountId, seq, fault: 'changed' }
}

/** An event that no server writes makes a hash that none has stored. */
function hashOf(entry: AuditEntry, before: Uint8Array): Uint8Array {
  try {
    return sha256(auditEntryMessage(entry, before))
  } catch (error) {
    if (error instanceof CryptoError) return new Uint8Array()
    throw error
  }
}

function endOf({ accountId, seq, hash, head }: Chain): AuditFault | null {
  if (seq < head.seq) return { accountId, seq: seq + 1, fault: 'missing' }
  return equal(hash, head.hash) ? null : { accountId, seq, fault: 'head' }
}

interface Without {
  readonly only: Uint8Array | undefined
  readonly sinceMs: number
}

const noLog = ({ only }: Without) => sql`
  FROM accounts a WHERE ${only === undefined ? sql`true` : sql`a.id = ${only}`}
    AND NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.account_id = a.id AND h.seq > 0)`

/** Accounts whose log somebody has removed. */
async function withoutLog(database: Database, which: Without): Promise<Uint8Array[]> {
  const found = await sql<{ id: Uint8Array }>`
    SELECT a.id ${noLog(which)} AND a.created_ms >= ${which.sinceMs} ORDER BY a.id`.execute(database)
  return found.rows.map((row) => row.id)
}

async function countWithout(database: Database, which: Without): Promise<number> {
  const found = await sql<{ count: number }>`
    SELECT count(*) AS count ${noLog(which)} AND a.created_ms < ${which.sinceMs}`.execute(database)
  return Number(found.rows[0]?.count ?? 0)
}
