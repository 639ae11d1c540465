import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'

/** Deletes what has ended: login states, recoveries, rate limits, sessions. Says how many; nothing reads them any more. */
export async function removeEnded(deps: { database: Database; clock: Clock }): Promise<number> {
  const now = deps.clock.nowMs()
  const removed = [
    await deps.database.deleteFrom('login_tickets').where('expires_ms', '<=', now).executeTakeFirst(),
    await deps.database.deleteFrom('recovery_states').where('expires_ms', '<=', now).executeTakeFirst(),
    await deps.database.deleteFrom('rate_limits').where('ends_ms', '<=', now).executeTakeFirst(),
    await deps.database.deleteFrom('sessions').where('expires_ms', '<=', now).executeTakeFirst(),
  ]
  return removed.reduce((sum, { numDeletedRows }) => sum + Number(numDeletedRows), 0)
}
