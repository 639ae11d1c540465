import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import type { Clock } from '../../ports/index.ts'
import { isDue, type Step, stepsOf } from '../blobs/collect.ts'
import type { Retention } from '../blobs/retention.ts'

interface Deps {
  database: Database
  clock: Clock
  retention: Retention
}

/** What a run of the jobs that remove things would remove now, by job; the store itself is not looked through. */
export async function countDue(deps: Deps): Promise<Record<string, Record<string, number>>> {
  const { clock, retention } = deps
  const now = clock.nowMs()
  const steps = stepsOf(retention)
  const blobs = (step: Step) => countRows(deps, sql`blobs WHERE ${isDue(step, now)}`)
  const [dropped, condemned, deleted] = [
    await blobs(steps.dropped),
    await blobs(steps.condemned),
    await blobs(steps.deleted),
  ]
  const waiting = await countRows(deps, sql`blobs WHERE state = 'deleted' AND NOT object_removed`)
  const orphans = sql`orphans WHERE (doomed OR seen_ms <= ${now - retention.graceMs})`
  const ended =
    (await countRows(deps, sql`sessions WHERE expires_ms <= ${now}`)) +
    (await countRows(deps, sql`login_states WHERE expires_ms <= ${now}`)) +
    (await countRows(deps, sql`login_tickets WHERE expires_ms <= ${now}`)) +
    (await countRows(deps, sql`recovery_states WHERE expires_ms <= ${now}`)) +
    (await countRows(deps, sql`rate_limits WHERE ends_ms <= ${now}`))
  return {
    'remove-ended': { removed: ended },
    'collect-blobs': { dropped, condemned, deleted, objects: dropped + deleted + waiting },
    'remove-older-wraps': {
      removed: await countRows(
        deps,
        sql`wraps w WHERE EXISTS (SELECT 1 FROM wraps n WHERE n.vault_id = w.vault_id AND n.blob_id = w.blob_id
          AND n.epoch > w.epoch AND n.confirmed_ms <= ${now - retention.graceMs})`,
      ),
    },
    'sweep-store': {
      objects: await countRows(deps, sql`${orphans} AND upload_id = ''`),
      uploads: await countRows(deps, sql`${orphans} AND upload_id <> ''`),
    },
  }
}

async function countRows({ database }: Deps, source: ReturnType<typeof sql>): Promise<number> {
  const found = await sql<{ count: number }>`SELECT count(*) AS count FROM ${source}`.execute(database)
  return found.rows[0]?.count ?? 0
}
