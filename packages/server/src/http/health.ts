import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { ServerError } from '../domain/errors.ts'
import type { BlobStore, Clock, KeyManagement } from '../ports/index.ts'

const RETRY_SECONDS = 5
/** For so long an outcome is given again, so that whoever asks often costs no engine anything. */
const KEPT_MS = 1_000
/** A check that takes longer has failed. */
const CHECK_MS = 5_000

interface Deps {
  database: Database
  store: Pick<BlobStore, 'check'>
  keys: Pick<KeyManagement, 'check'>
  clock: Clock
  isDraining: () => boolean
}

/** `/healthz`: the process answers. `/readyz`: database, store and key service can be used, and it is not stopping. */
export function registerHealth(app: FastifyInstance, deps: Deps): void {
  const checked = remembered(deps.clock, () => checkEngines(deps))
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => {
    if (deps.isDraining()) throw new ServerError('unavailable', { retryAfterSeconds: RETRY_SECONDS })
    await checked()
    return { status: 'ready' }
  })
}

/** @throws ServerError `unavailable` with the first engine that cannot be used */
async function checkEngines({ database, store, keys }: Deps): Promise<void> {
  await Promise.all([
    usable('database', requireWritable(database)),
    usable('store', store.check()),
    usable('keys', keys.check()),
  ])
}

async function requireWritable(database: Database): Promise<void> {
  const found = await sql<{ off: boolean }>`
    SELECT current_setting('transaction_read_only') = 'on' AS off`.execute(database)
  if (found.rows[0]?.off !== false) throw new Error('the database takes no changes')
}

async function usable(engine: string, check: Promise<void>): Promise<void> {
  const over = new AbortController()
  const late = delay(CHECK_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error('the check takes too long')
  })
  late.catch(() => undefined)
  try {
    await Promise.race([check, late])
  } catch (cause) {
    throw new ServerError('unavailable', { details: { engine }, retryAfterSeconds: RETRY_SECONDS, cause })
  } finally {
    over.abort()
  }
}

/** Runs a check for all who ask at once, and gives its outcome to those who ask soon after. */
function remembered(clock: Clock, check: () => Promise<void>): () => Promise<void> {
  let last: { readonly outcome: Promise<void>; endedMs: number | null } | null = null
  return () => {
    const now = clock.nowMs()
    const fresh = last !== null && (last.endedMs === null || Math.abs(now - last.endedMs) < KEPT_MS)
    if (last !== null && fresh) return last.outcome
    const begun: NonNullable<typeof last> = { outcome: check(), endedMs: null }
    const ended = () => {
      begun.endedMs = clock.nowMs()
    }
    begun.outcome.then(ended, ended)
    last = begun
    return begun.outcome
  }
}
