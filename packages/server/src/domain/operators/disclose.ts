import { encodeBytes } from '@strongroom/protocol'
import { sql } from 'kysely'
import type { Database, DatabaseTransaction } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { hex } from '../bytes.ts'
import type { ServerSetup } from '../keys/server-setup.ts'
import { DISCLOSED_TABLES, type DisclosedAccount } from './disclosed-tables.ts'

const BATCH = 200
const DIGEST_LENGTH = 32
/** Longer bytes are keys, sealed or not, and ciphertext; up to here they are ids and hashes. */
const ID_LENGTH = 32
const LONG_TEXT = 100

/** A value as it is shown: ids and hashes in hex, long bytes as their number or in base64url. */
type Shown = null | boolean | number | string | readonly string[] | { readonly bytes: number }

/** One row that concerns the account, with every column that it has. */
export interface DisclosedRow {
  readonly table: string
  readonly row: Readonly<Record<string, Shown>>
}

/**
 * Hands over everything that the database holds about an account, as it is stored: rows in the order of
 * `DISCLOSED_TABLES`, all from one moment. That it was done becomes an entry of the account's audit log first.
 *
 * @param full - long bytes too, in base64url, instead of only how many they are
 * @returns how many rows of each table
 * @throws what `take` throws
 */
export async function disclose(
  deps: { database: Database; clock: Clock; setup: Pick<ServerSetup, 'blind'> },
  input: { accountId: Uint8Array; full: boolean; signal: AbortSignal },
  take: (row: DisclosedRow) => Promise<void>,
): Promise<Record<string, number>> {
  const { accountId, full, signal } = input
  await noteDisclosure(deps, accountId)
  const transaction = deps.database.transaction().setIsolationLevel('repeatable read').setAccessMode('read only')
  return transaction.execute(async (tx) => {
    // Reason: who reads may be slow, and the tables large.
    await sql`SET LOCAL statement_timeout = 0`.execute(tx)
    await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(tx)
    const account = await readAccount(tx, accountId)
    const counts: Record<string, number> = {}
    for (const [table, where] of Object.entries(DISCLOSED_TABLES)) {
      counts[table] = 0
      const rows = sql`SELECT t.* FROM ${sql.table(table)} t WHERE ${where(account, deps.setup)}`
      await sql`DECLARE disclosed NO SCROLL CURSOR FOR ${rows}`.execute(tx)
      for (let batch = await fetchRows(tx); batch.length > 0; batch = await fetchRows(tx)) {
        for (const row of batch) {
          signal.throwIfAborted()
          await take({ table, row: shownRow(table, row, full) })
          counts[table] += 1
        }
      }
      await sql`CLOSE disclosed`.execute(tx)
    }
    return counts
  })
}

/** Of a deleted account the log is gone, too. */
async function noteDisclosure(deps: { database: Database; clock: Clock }, accountId: Uint8Array): Promise<void> {
  await deps.database.transaction().execute(async (tx) => {
    const account = await tx
      .selectFrom('accounts')
      .select('id')
      .where('id', '=', accountId)
      .forShare()
      .executeTakeFirst()
    if (account !== undefined) await recordAudit(deps, tx, accountId, 'disclosed')
  })
}

async function readAccount(tx: DatabaseTransaction, accountId: Uint8Array): Promise<DisclosedAccount> {
  const account = await tx.selectFrom('accounts').select('login_hash').where('id', '=', accountId).executeTakeFirst()
  return { id: accountId, loginHash: account?.login_hash ?? null }
}

async function fetchRows(tx: DatabaseTransaction): Promise<Record<string, unknown>[]> {
  return (await sql<Record<string, unknown>>`FETCH ${sql.lit(BATCH)} FROM disclosed`.execute(tx)).rows
}

function shownRow(table: string, row: Record<string, unknown>, full: boolean): Record<string, Shown> {
  const isDigests = (column: string) => table === 'blobs' && column === 'digests'
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array && isDigests(column) ? digestsOf(value) : shown(value, full),
    ]),
  )
}

/** SHA-256 of each part of the stored object. */
function digestsOf(bytes: Uint8Array): string[] {
  const count = Math.ceil(bytes.length / DIGEST_LENGTH)
  return Array.from({ length: count }, (_, i) => hex(bytes.subarray(i * DIGEST_LENGTH, (i + 1) * DIGEST_LENGTH)))
}

function shown(value: unknown, full: boolean): Shown {
  if (value instanceof Uint8Array) {
    if (value.length <= ID_LENGTH) return hex(value)
    return full ? encodeBytes(value) : { bytes: value.length }
  }
  if (typeof value === 'string' && value.length > LONG_TEXT && !full) return { bytes: value.length }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value)
}
