import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { verifyAudits } from '../audit/verify.ts'
import { hex } from '../bytes.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import type { Findings } from './problem.ts'

const BATCH = 500

interface AccountRow {
  readonly id: Uint8Array
  readonly setup_id: Uint8Array
  readonly used_bytes: number
  readonly charged: number
  readonly missing: string | null
}

/** Tables whose rows name an outer key of their account by its version. */
const OF_ACCOUNT = ['envelopes', 'keyrings', 'session_halves', 'totp'] as const
/** The same by the owner of their vault. */
const OF_VAULT = ['wraps', 'checkpoints'] as const

/** Accounts: their setup, what they are charged, that every outer key is there which their rows name. */
export async function examineAccounts(
  deps: { database: Database; setup: Pick<ServerSetup, 'id'> },
  after: Uint8Array,
  findings: Findings,
): Promise<void> {
  let last = after
  for (;;) {
    findings.signal.throwIfAborted()
    const found = await readAccounts(deps.database, last)
    const end = found.at(-1)
    if (end === undefined) return
    for (const row of found) {
      const account = hex(row.id)
      if (hex(row.setup_id) !== hex(deps.setup.id)) await findings.report({ kind: 'setup', account })
      if (row.used_bytes !== row.charged) {
        await findings.report({ kind: 'usage', account, expected: row.charged, found: row.used_bytes })
      }
      if (row.missing !== null) await findings.report({ kind: 'outer_key_missing', account, table: row.missing })
    }
    last = end.id
    await findings.step(hex(last), found.length)
  }
}

async function readAccounts(database: Database, last: Uint8Array): Promise<readonly AccountRow[]> {
  const noKey = sql`NOT EXISTS (SELECT 1 FROM outer_keys k WHERE k.account_id = a.id AND k.version = t.outer_version)`
  const missing = sql.join(
    [
      ...OF_ACCOUNT.map(
        (name) => sql`WHEN EXISTS (
          SELECT 1 FROM ${sql.table(name)} t WHERE t.account_id = a.id AND ${noKey}) THEN ${sql.lit(name)}`,
      ),
      ...OF_VAULT.map(
        (name) => sql`WHEN EXISTS (
          SELECT 1 FROM ${sql.table(name)} t JOIN vaults v ON v.id = t.vault_id WHERE v.owner_id = a.id AND ${noKey})
          THEN ${sql.lit(name)}`,
      ),
    ],
    sql` `,
  )
  // One statement sees one moment, so that nothing which servers change meanwhile looks wrong.
  const found = await sql<AccountRow>`
    SELECT a.id, a.setup_id, a.used_bytes, CASE ${missing} END AS missing,
      (SELECT coalesce(sum(b.charged_bytes), 0)::bigint FROM blobs b WHERE b.owner_id = a.id) AS charged
    FROM accounts a WHERE a.id > ${last} ORDER BY a.id LIMIT ${BATCH}`.execute(database)
  return found.rows
}

/** The audit logs of all accounts, computed anew. */
export async function examineAudits(deps: { database: Database }, findings: Findings): Promise<void> {
  let done = 0
  await verifyAudits(deps.database, {
    step: async ({ entries }) => {
      findings.signal.throwIfAborted()
      await findings.step('', entries - done)
      done = entries
    },
    report: ({ accountId, seq }) => findings.report({ kind: 'audit', account: hex(accountId), seq }),
  })
}
