import { type RawBuilder, sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'

/** What the server can say about an account; nothing in it was chosen by its user. */
export interface ListedAccount {
  readonly id: Uint8Array
  readonly createdMs: number
  readonly disabledMs: number | null
  readonly usedBytes: number
  /** null: the server's default. */
  readonly quotaBytes: number | null
  /** Of the sessions that have not ended, to about an hour; null without any. */
  readonly lastUsedMs: number | null
  readonly sessions: number
  readonly secondFactor: boolean
}

/** Place of an account in the list. */
export interface ListPlace {
  readonly createdMs: number
  readonly id: Uint8Array
}

interface Row {
  id: Uint8Array
  created_ms: number
  disabled_ms: number | null
  used_bytes: number
  quota_bytes: number | null
  last_used_ms: number | null
  sessions: number
  second_factor: boolean
}

type Deps = { database: Database; clock: Clock }

/**
 * Accounts in the order in which they were made, from after a place on. What belongs to them is looked up for the
 * listed ones only, by index.
 */
export function listAccounts(deps: Deps, page: { after: ListPlace | null; limit: number }): Promise<ListedAccount[]> {
  const after = page.after ?? { createdMs: -1, id: Buffer.alloc(0) }
  return describeAccounts(
    deps,
    sql`SELECT * FROM accounts WHERE (created_ms, id) > (${after.createdMs}, ${after.id})
      ORDER BY created_ms, id LIMIT ${page.limit}`,
  )
}

/** One of them; null where it is not there. */
export async function describeAccount(deps: Deps, id: Uint8Array): Promise<ListedAccount | null> {
  const [account] = await describeAccounts(deps, sql`SELECT * FROM accounts WHERE id = ${id}`)
  return account ?? null
}

async function describeAccounts(deps: Deps, accounts: RawBuilder<unknown>): Promise<ListedAccount[]> {
  const found = await sql<Row>`
    SELECT a.id, a.created_ms, a.disabled_ms, a.used_bytes, a.quota_bytes, s.last_used_ms, s.sessions,
      EXISTS (SELECT 1 FROM totp WHERE totp.account_id = a.id AND totp.active) AS second_factor
    FROM (${accounts}) a
    CROSS JOIN LATERAL (
      SELECT max(used_ms) AS last_used_ms, count(*) AS sessions
      FROM sessions WHERE sessions.account_id = a.id AND sessions.expires_ms > ${deps.clock.nowMs()}
    ) s
    ORDER BY a.created_ms, a.id`.execute(deps.database)
  return found.rows.map((row) => ({
    id: row.id,
    createdMs: row.created_ms,
    disabledMs: row.disabled_ms,
    usedBytes: row.used_bytes,
    quotaBytes: row.quota_bytes,
    lastUsedMs: row.last_used_ms,
    sessions: row.sessions,
    secondFactor: row.second_factor,
  }))
}
