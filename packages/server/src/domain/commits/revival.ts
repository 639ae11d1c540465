import type { Section } from '@strongroom/vault/header'
import { sql } from 'kysely'
import { oneOf } from '../../database/parameters.ts'
import type { Database } from '../../database/tables.ts'
import type { BlobStore } from '../../ports/index.ts'
import { blobsGone } from '../blobs/rows.ts'
import { eachConcurrently } from '../concurrency.ts'

const STORE_CONCURRENCY = 8

/**
 * Looks for the objects of the condemned blobs that a commit would revive.
 *
 * Reason: in a database that was set back, a blob may still be condemned whose object had been deleted since, and a
 * live row must never be without its object. Otherwise objects go only after their rows, which the commit's own
 * transaction looks at under lock.
 *
 * @throws ServerError `blob_gone`
 */
export async function requireRevivable(
  deps: { database: Database; store: BlobStore },
  added: Section['added'],
): Promise<void> {
  if (added.length === 0) return
  const condemned = await sql<{ id: Uint8Array }>`
    SELECT id FROM blobs WHERE id ${oneOf(added.map((entry) => entry.blobId))} AND state = 'condemned'`.execute(
    deps.database,
  )
  const gone: Uint8Array[] = []
  await eachConcurrently(condemned.rows, STORE_CONCURRENCY, async ({ id }) => {
    if ((await deps.store.stat(id)) === null) gone.push(id)
  })
  if (gone.length > 0) throw blobsGone(gone)
}
