import type { Database } from '../../database/tables.ts'
import { readAuditHead } from '../audit/read.ts'
import type { AuditHead } from '../audit/record.ts'
import type { OuterKeys } from '../keys/outer-keys.ts'
import { releaseKeyring } from './login.ts'

export interface AccountSummary {
  readonly accountId: Uint8Array
  readonly usedBytes: number
  readonly quotaBytes: number
  readonly keyring: Uint8Array
  readonly keyringVersion: number
  readonly audit: AuditHead
}

/** What an account sees of itself. */
export async function readAccount(
  deps: { database: Database; outerKeys: OuterKeys; quotaBytes: number },
  accountId: Uint8Array,
): Promise<AccountSummary> {
  const row = await deps.database
    .selectFrom('accounts')
    .select(['used_bytes', 'quota_bytes'])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
  return {
    accountId,
    usedBytes: row.used_bytes,
    quotaBytes: row.quota_bytes ?? deps.quotaBytes,
    ...(await releaseKeyring(deps, accountId)),
    audit: await readAuditHead(deps.database, accountId),
  }
}
