import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'
import type { ServerSetup } from '../keys/server-setup.ts'

interface Deps {
  database: Database
  clock: Clock
  setup: ServerSetup
}

/** At most `points` per `windowMs`. */
export interface RateLimit {
  readonly name: string
  readonly points: number
  readonly windowMs: number
}

/**
 * Counts one attempt of `subject` (an address, a login name), across all servers of the database. The row's key is a
 * keyed hash, so that a copy of the table names nobody.
 *
 * @throws ServerError `too_many_requests`, with the seconds until the window ends
 */
export async function countAttempt(deps: Deps, limit: RateLimit, subject: string): Promise<void> {
  const now = deps.clock.nowMs()
  const counted = await sql<{ points: number; ends_ms: number }>`
    INSERT INTO rate_limits AS r (key, points, ends_ms)
    VALUES (${rowKey(deps, limit, subject)}, 1, ${now + limit.windowMs})
    ON CONFLICT (key) DO UPDATE SET
      points = CASE WHEN r.ends_ms <= ${now} THEN 1 ELSE least(r.points, 1000000) + 1 END,
      ends_ms = CASE WHEN r.ends_ms <= ${now} THEN excluded.ends_ms ELSE r.ends_ms END
    RETURNING points, ends_ms`.execute(deps.database)
  const row = counted.rows[0]
  if (row === undefined || row.points <= limit.points) return
  throw new ServerError('too_many_requests', { retryAfterSeconds: Math.max(1, Math.ceil((row.ends_ms - now) / 1000)) })
}

/** Forgets the attempts of a subject, after it proved to be legitimate. */
export async function forgiveAttempts(deps: Deps, limit: RateLimit, subject: string): Promise<void> {
  await deps.database
    .deleteFrom('rate_limits')
    .where('key', '=', rowKey(deps, limit, subject))
    .execute()
}

/** The key under which the attempts of a subject are counted. */
export function rowKey(
  deps: { setup: Pick<ServerSetup, 'blind'> },
  limit: Pick<RateLimit, 'name'>,
  subject: string,
): Uint8Array {
  return deps.setup.blind(`${limit.name}\0${subject}`)
}
