import type { DatabaseTransaction } from '../../database/tables.ts'
import { ServerError } from '../errors.ts'

/**
 * Locks an account's row, so that one account's reservations, completions and part requests follow each other.
 *
 * Lock order of all transactions: vault, then accounts, then blobs, each by id.
 */
export async function lockAccount(tx: DatabaseTransaction, accountId: Uint8Array): Promise<void> {
  await tx.selectFrom('accounts').select('id').where('id', '=', accountId).forNoKeyUpdate().execute()
}

/**
 * Locks an account's row and changes what it is charged by `deltaBytes`.
 *
 * @throws ServerError `quota_exceeded` when the charge grows beyond the quota, unless `limit` is `none`
 */
export async function charge(
  tx: DatabaseTransaction,
  input: { accountId: Uint8Array; deltaBytes: number } & ({ defaultQuotaBytes: number } | { limit: 'none' }),
): Promise<void> {
  const account = await tx
    .updateTable('accounts')
    .set((build) => ({ used_bytes: build('used_bytes', '+', input.deltaBytes) }))
    .where('id', '=', input.accountId)
    .returning(['used_bytes', 'quota_bytes'])
    .executeTakeFirst()
  if (account === undefined) throw new ServerError('not_found')
  if ('limit' in input) return
  const quotaBytes = account.quota_bytes ?? input.defaultQuotaBytes
  if (input.deltaBytes > 0 && account.used_bytes > quotaBytes) {
    throw new ServerError('quota_exceeded', {
      details: { usedBytes: account.used_bytes - input.deltaBytes, quotaBytes },
    })
  }
}
