import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'

/** Deletes login states, rate limits and sessions that have ended; nothing reads them any more. */
export async function removeEnded(deps: { database: Database; clock: Clock }): Promise<void> {
  const now = deps.clock.nowMs()
  await deps.database.deleteFrom('login_states').where('expires_ms', '<=', now).execute()
  await deps.database.deleteFrom('rate_limits').where('ends_ms', '<=', now).execute()
  await deps.database.deleteFrom('sessions').where('expires_ms', '<=', now).execute()
}
