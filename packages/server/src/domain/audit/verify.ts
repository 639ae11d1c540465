import { type AuditEntry, auditEntryMessage } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { equal, hex, sha256 } from '../bytes.ts'
import { NO_AUDIT } from './record.ts'

const ACCOUNTS = 500
const ENTRIES = 2000

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
  /** Accounts without any log. They had none before this server kept one, or somebody removed it. */
  readonly without: number
}

interface Row extends Omit<AuditEntry, 'accountId'> {
  readonly account_id: Uint8Array
  readonly hash: Uint8Array
}

interface Chain {
  readonly accountId: Uint8Array
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
  let [accounts, entries, faulty] = [0, 0, 0]
  let last: Uint8Array = Buffer.alloc(0)
  for (;;) {
    let query = database.selectFrom('audit_heads').selectAll().where('account_id', '>', last)
    if (only !== undefined) query = query.where('account_id', '=', only)
    const heads = await query.orderBy('account_id').limit(ACCOUNTS).execute()
    const end = heads.at(-1)
    if (end === undefined) break
    // Heads first: what is appended meanwhile lies beyond them.
    const chains = new Map<string, Chain>()
    for (const { account_id: accountId, seq, hash } of heads) {
      chains.set(hex(accountId), { accountId, head: { seq, hash }, seq: 0, hash: NO_AUDIT.hash, fault: null })
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
  return { accounts, entries, faulty, without: await countWithout(database, only) }
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

function follow(chain: Chain | undefined, row: Row): void {
  if (chain === undefined || chain.fault !== null || row.seq > chain.head.seq) return
  const { accountId } = chain
  const seq = chain.seq + 1
  if (row.seq !== seq) {
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

async function countWithout(database: Database, only: Uint8Array | undefined): Promise<number> {
  const which = only === undefined ? sql`true` : sql`a.id = ${only}`
  const found = await sql<{ count: number }>`
    SELECT count(*) AS count FROM accounts a
    WHERE ${which} AND NOT EXISTS (SELECT 1 FROM audit_heads h WHERE h.account_id = a.id AND h.seq > 0)`.execute(
    database,
  )
  return Number(found.rows[0]?.count ?? 0)
}
