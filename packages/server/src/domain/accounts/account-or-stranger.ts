import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

/** What a login name leads to, before anything was proved. */
export interface AccountOrStranger {
  /** Of a stranger a made-up one, always the same for a login name, under which failures are counted. */
  readonly id: Uint8Array
  readonly isStranger: boolean
  readonly opaqueRecord: string
  /** Of a stranger 32 zero bytes. */
  readonly recoveryAuthHash: Uint8Array
}

// [Note: Unknown accounts]
// An unknown login name takes the same path as a known one: OPAQUE answers from a record of nobody (RFC 9807 §10.9), a
// login state is stored, and the third message fails exactly as with a wrong password. Only the state, sealed, says
// that there is no account behind it. Here the database reads one row for both: the account's, or the one that its
// hash would stand before; and sends columns of the same size, so that nobody can tell them apart by the time it takes.

/**
 * The account of a login name or, where there is none, what stands in for it.
 *
 * @param login - in its normal form
 */
export async function accountOrStranger(
  deps: { database: Database; setup: ServerSetup },
  login: string,
): Promise<AccountOrStranger> {
  const { setup } = deps
  const hash = setup.userIdentifier(login)
  const [columns, known] = [sql.raw('id, login_hash, opaque_record, recovery_auth_hash'), sql`login_hash = ${hash}`]
  const found = await sql<{ id: Uint8Array; known: boolean; opaque_record: string; recovery_auth_hash: Uint8Array }>`
    SELECT coalesce(${known}, false) AS known,
      CASE WHEN ${known} THEN id ELSE ${setup.blind(`stranger\0${login}`)} END AS id,
      CASE WHEN ${known} THEN opaque_record ELSE ${setup.strangerRecord} END AS opaque_record,
      CASE WHEN ${known} THEN recovery_auth_hash ELSE ${new Uint8Array(32)} END AS recovery_auth_hash
    FROM (SELECT) AS one LEFT JOIN LATERAL (
      (SELECT ${columns} FROM accounts WHERE login_hash >= ${hash} ORDER BY login_hash LIMIT 1)
      UNION ALL (SELECT ${columns} FROM accounts ORDER BY login_hash LIMIT 1)
      LIMIT 1
    ) AS nearest ON true`.execute(deps.database)
  const [row] = found.rows
  if (row === undefined) throw new Error('an outer join without rows')
  return {
    id: row.id,
    isStranger: !row.known,
    opaqueRecord: row.opaque_record,
    recoveryAuthHash: row.recovery_auth_hash,
  }
}
