import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { ServerError } from '../errors.ts'
import type { KeyScope } from './kms-keys.ts'

/** What the server keeps around an account's own keys; times are null where they are not known any more. */
export interface ServerKeys {
  readonly scope: KeyScope
  readonly outerKeyVersion: number
  readonly outerKeyMs: number
  /** Since when the key of the key service is in use, under which the outer key lies. */
  readonly kmsKeyMs: number | null
  /** A rotation of the outer key is under way, or of the key that wraps it. */
  readonly rotating: boolean
  /** Wrapped keys under an older key of their vault, of contents that have newer ones too. */
  readonly olderWraps: number
}

/** What there is to know of the server's keys for an account; asks the key service nothing. */
export async function readServerKeys({ database }: { database: Database }, accountId: Uint8Array): Promise<ServerKeys> {
  const keys = await sql<{ version: number; created_ms: number; own: boolean; state: string; kms_created_ms: number }>`
    SELECT o.version, o.created_ms, k.account_id IS NOT NULL AS own, k.state, k.created_ms AS kms_created_ms
    FROM outer_keys o JOIN kms_keys k ON k.id = o.kms_key_id
    WHERE o.account_id = ${accountId} ORDER BY o.version DESC`.execute(database)
  const [newest] = keys.rows
  if (newest === undefined) throw new ServerError('stored_data_damaged')
  const older = await sql<{ count: number }>`
    SELECT count(*) AS count FROM vaults v JOIN wraps w ON w.vault_id = v.id AND w.epoch < v.epoch
    WHERE v.owner_id = ${accountId} AND EXISTS (SELECT 1 FROM wraps n
      WHERE n.vault_id = w.vault_id AND n.blob_id = w.blob_id AND n.epoch > w.epoch)`.execute(database)
  return {
    scope: newest.own ? 'per-user' : 'shared',
    outerKeyVersion: newest.version,
    outerKeyMs: newest.created_ms,
    // Databases of before keys were listed know none.
    kmsKeyMs: newest.kms_created_ms === 0 ? null : newest.kms_created_ms,
    rotating: keys.rows.length > 1 || newest.state === 'retired',
    olderWraps: older.rows[0]?.count ?? 0,
  }
}
