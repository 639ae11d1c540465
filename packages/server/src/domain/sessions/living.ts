import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'

/**
 * Refuses a session that ended while its request was waiting.
 *
 * @throws ServerError `session_expired`, `account_disabled`
 */
export async function requireLiving(
  deps: { readonly database: Database; readonly clock: Clock },
  session: { readonly id: Uint8Array },
): Promise<void> {
  const row = await deps.database
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .select(['expires_ms', 'disabled_ms'])
    .where('sessions.id', '=', session.id)
    .executeTakeFirst()
  if (row === undefined || row.expires_ms <= deps.clock.nowMs()) throw new ServerError('session_expired')
  if (row.disabled_ms !== null) throw new ServerError('account_disabled')
}
