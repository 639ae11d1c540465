import { LIMITS } from '@strongroom/protocol'
import type { Database } from '../../database/tables.ts'
import { type AuditHead, NO_AUDIT, writeFolded } from './record.ts'

export interface AuditPage {
  readonly head: AuditHead
  readonly from: number
  readonly previousHash: Uint8Array | null
  readonly entries: {
    timeMs: number
    event: string
    count: number
    sessionId: Uint8Array | null
    deviceId: Uint8Array | null
  }[]
}

export async function readAuditHead(database: Database, accountId: Uint8Array): Promise<AuditHead> {
  const head = await database
    .selectFrom('audit_heads')
    .select(['seq', 'hash'])
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return head ?? NO_AUDIT
}

/**
 * A page of an account's log; what was only counted so far is written down first, so that nothing is missing.
 *
 * @param from - seq of its first entry; the last page without it
 */
export async function readAudit(
  { database }: { database: Database },
  accountId: Uint8Array,
  from: number | undefined,
): Promise<AuditPage> {
  const folded = await database
    .selectFrom('audit_folds')
    .select('event')
    .where('account_id', '=', accountId)
    .limit(1)
    .executeTakeFirst()
  if (folded !== undefined) await writeFolded(database, accountId)
  const head = await readAuditHead(database, accountId)
  const first = from ?? Math.max(1, head.seq - LIMITS.auditPerPage + 1)
  // The entry before, for its hash; entries are never changed, so what is there up to the head is one state.
  const rows = await database
    .selectFrom('audit_entries')
    .select(['seq', 'time_ms', 'event', 'count', 'session_id', 'device_id', 'hash'])
    .where('account_id', '=', accountId)
    .where('seq', '>=', first - 1)
    .where('seq', '<=', Math.min(head.seq, first - 1 + LIMITS.auditPerPage))
    .orderBy('seq')
    .execute()
  const before = rows.find((row) => row.seq === first - 1)
  return {
    head,
    from: first,
    previousHash: first === 1 ? NO_AUDIT.hash : (before?.hash ?? null),
    entries: rows
      .filter((row) => row.seq >= first)
      .map((row) => ({
        timeMs: row.time_ms,
        event: row.event,
        count: row.count,
        sessionId: row.session_id,
        deviceId: row.device_id,
      })),
  }
}
