import type { Database } from '../../database/tables.ts'
import type { Lease } from '../jobs/lease.ts'
import { writeFolded } from './record.ts'

const BATCH = 500

/** Writes down what was counted for every account; returns for how many ids. To be run once a minute. */
export async function foldAudits({ database }: { database: Database }, lease: Lease): Promise<number> {
  let [done, last] = [0, Buffer.alloc(0) as Uint8Array]
  for (;;) {
    await lease.step()
    const found = await database
      .selectFrom('audit_folds')
      .select('account_id')
      .distinct()
      .where('account_id', '>', last)
      .orderBy('account_id')
      .limit(BATCH)
      .execute()
    for (const { account_id: accountId } of found) await writeFolded(database, accountId)
    done += found.length
    const end = found.at(-1)
    if (end === undefined || found.length < BATCH) return done
    last = end.account_id
  }
}
