import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { ServerError } from '../domain/errors.ts'
import type { BlobStore, KeyManagement } from '../ports/index.ts'

/** `/healthz`: the process answers. `/readyz`: database, store and key service can be used. */
export function registerHealth(
  app: FastifyInstance,
  deps: { database: Database; store: BlobStore; keys: KeyManagement; isDraining: () => boolean },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => {
    if (deps.isDraining()) throw new ServerError('unavailable', { retryAfterSeconds: 5 })
    await Promise.all([sql`SELECT 1`.execute(deps.database), deps.store.check(), deps.keys.check()])
    return { status: 'ready' }
  })
}
