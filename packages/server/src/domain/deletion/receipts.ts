import { sign } from 'node:crypto'
import { encodeReceipt, receiptHashMessage, signatureMessage } from '@strongroom/crypto/envelope'
import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { Lease } from '../jobs/lease.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

const BATCH = 100

interface Deps {
  database: Database
  clock: Clock
  setup: ServerSetup
}

/**
 * Signs the receipt for a deleted account, as far as its time is known, and keeps it: in scope `per-user` once the key
 * service has confirmed the destruction of the account's own keys; in scope `shared` at once, and again when the shared
 * key has been replaced and is being destroyed.
 *
 * @returns the newest receipt; null while there is none
 */
export async function issueReceipt(deps: Deps, accountId: Uint8Array): Promise<Uint8Array | null> {
  const row = await deps.database
    .selectFrom('deletions')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (row === undefined) return null
  if (row.receipt !== null && row.noise_from_ms !== null) return row.receipt
  const noiseFromMs = await destructionOf(deps.database, row)
  if (noiseFromMs === null && (row.scope === 'per-user' || row.receipt !== null)) return row.receipt
  const body = encodeReceipt({
    accountId,
    scope: row.scope,
    deletedMs: row.deleted_ms,
    noiseFromMs,
    kmsKeySinceMs: row.kms_key_since_ms,
    kmsKeyHash: sha256(Buffer.from(row.kms_key_id, 'utf8')),
    outerKeys: row.outer_keys,
    sessions: row.sessions,
    vaults: row.vaults,
    commits: row.commits,
    blobs: row.blobs,
    bytes: row.bytes,
    issuedMs: deps.clock.nowMs(),
  })
  const message = signatureMessage('receipt', sha256(receiptHashMessage(body)))
  const receipt = Buffer.concat([body, sign(null, message, deps.setup.receiptKey)])
  await deps.database
    .updateTable('deletions')
    .set({ receipt, noise_from_ms: noiseFromMs })
    .where('account_id', '=', accountId)
    .execute()
  return receipt
}

/** When the key of the key service that copies of the database depend on is gone; null while it stays. */
async function destructionOf(
  database: Database,
  row: { account_id: Uint8Array; scope: 'shared' | 'per-user'; kms_key_id: string },
): Promise<number | null> {
  const keys = await database
    .selectFrom('kms_keys')
    .select(['state', 'destruction_ms'])
    .where((where) =>
      row.scope === 'shared' ? where('id', '=', row.kms_key_id) : where('account_id', '=', row.account_id),
    )
    .execute()
  const times = keys.flatMap((key) =>
    key.state === 'ended' && key.destruction_ms !== null ? [key.destruction_ms] : [],
  )
  return times.length === 0 || times.length < keys.length ? null : Math.max(...times)
}

/** @throws ServerError `not_found` where no account was deleted with this secret */
export async function readReceipt(deps: Deps, secret: Uint8Array): Promise<Uint8Array | null> {
  const row = await deps.database
    .selectFrom('deletions')
    .select('account_id')
    .where('secret_hash', '=', sha256(secret))
    .executeTakeFirst()
  if (row === undefined) throw new ServerError('not_found')
  return issueReceipt(deps, row.account_id)
}

/** Signs the receipts that had to wait; returns how many. */
export async function issueReceipts(deps: Deps, lease: Lease): Promise<number> {
  let [issued, last] = [0, Buffer.alloc(0) as Uint8Array]
  for (;;) {
    await lease.step()
    const rows = await sql<{ account_id: Uint8Array }>`
      SELECT d.account_id FROM deletions d WHERE d.noise_from_ms IS NULL AND d.account_id > ${last}
        AND (d.receipt IS NULL OR EXISTS (SELECT 1 FROM kms_keys k WHERE k.id = d.kms_key_id AND k.state = 'ended'))
      ORDER BY d.account_id LIMIT ${BATCH}`.execute(deps.database)
    for (const { account_id: accountId } of rows.rows) {
      if ((await issueReceipt(deps, accountId)) !== null) issued += 1
    }
    const end = rows.rows.at(-1)
    if (end === undefined || rows.rows.length < BATCH) return issued
    last = end.account_id
  }
}
