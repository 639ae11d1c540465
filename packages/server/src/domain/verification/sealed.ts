import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { KeyManagementError } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { examineSealedRows } from '../keys/sealed-rows.ts'
import type { Findings } from './problem.ts'

const ACCOUNTS = 100
const ROWS = 500

/**
 * Opens every row under the outer layer, account by account; the key service is asked once for each outer key. Accounts
 * whose key is disabled, or waits for its destruction, are frozen on purpose: they are counted, not reported.
 */
export async function examineSealed(
  deps: { database: Database; outerKeys: OuterKeys },
  after: Uint8Array,
  findings: Findings,
): Promise<{ frozen: number }> {
  let frozen = 0
  let last = after
  for (;;) {
    const found = await sql<{ id: Uint8Array }>`
      SELECT id FROM accounts WHERE id > ${last} ORDER BY id LIMIT ${ACCOUNTS}`.execute(deps.database)
    const end = found.rows.at(-1)
    if (end === undefined) return { frozen }
    for (const { id } of found.rows) {
      findings.signal.throwIfAborted()
      try {
        await examineAccount(deps, id, findings)
      } catch (error) {
        if (!(error instanceof KeyManagementError) || error.code === 'unavailable') throw error
        if (error.code === 'key_unusable') frozen += 1
        else await findings.report({ kind: 'sealed_damaged', account: hex(id), table: 'outer_keys' })
      }
      await findings.step(hex(id), 1)
    }
    last = end.id
  }
}

async function examineAccount(
  deps: { database: Database; outerKeys: OuterKeys },
  accountId: Uint8Array,
  findings: Findings,
): Promise<void> {
  await examineSealedRows(deps.database, {
    accountId,
    batch: ROWS,
    key: (version) => deps.outerKeys.version(accountId, version),
    damaged: (table) => findings.report({ kind: 'sealed_damaged', account: hex(accountId), table }),
    signal: findings.signal,
  })
}
