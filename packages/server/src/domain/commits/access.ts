import type { Database } from '../../database/tables.ts'
import { ServerError } from '../errors.ts'

/**
 * Refuses everyone who is not an active member.
 *
 * @throws ServerError `not_found`, whether the vault exists or not
 */
export async function requireMember(database: Database, vaultId: Uint8Array, accountId: Uint8Array): Promise<void> {
  const member = await database
    .selectFrom('members')
    .select('state')
    .where('vault_id', '=', vaultId)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (member?.state !== 'active') throw new ServerError('not_found')
}
