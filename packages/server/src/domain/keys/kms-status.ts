import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { type BlobStore, type Clock, type KeyManagement, KeyManagementError, type KeyState } from '../../ports/index.ts'
import { unfinishedRotation } from './kms-rotation.ts'
import { serverSetupKeyId } from './server-setup.ts'
import { type Destruction, destroyDoomedKeys } from './shred.ts'

interface Deps {
  database: Database
  keys: KeyManagement
  clock: Clock
  store: Pick<BlobStore, 'readNamed'>
}

/** A shared key of the key service. */
export interface SharedKeyStatus {
  readonly id: string
  /** `current`: new outer keys are wrapped under it. `retired`: outer keys move away. `doomed`, `ended`: destroyed. */
  readonly use: 'current' | 'retired' | 'doomed' | 'ended'
  /** What the key service says of it; `unknown` where it has no such key or cannot be asked. */
  readonly state: KeyState | 'unknown'
  readonly outerKeys: number
  /** Whether the server setup is wrapped under it. */
  readonly setup: boolean
  /** When the key service destroys it, at the latest. */
  readonly destructionMs: number | null
}

export interface KmsStatus {
  readonly kind: string
  readonly sharedKeys: readonly SharedKeyStatus[]
  /** Keys of single accounts. */
  readonly ownKeys: {
    readonly inUse: number
    /** Replaced by a newer one; nothing is left under them. */
    readonly retired: number
    readonly doomed: number
    readonly ended: number
    /** Since when the oldest of those in use is; null where there is none. */
    readonly oldestMs: number | null
  }
  readonly rotation: { readonly toKey: string | null; readonly startedMs: number; readonly left: number } | null
  /** Accounts whose outer key is being rotated. */
  readonly outerRotations: number
}

/** What there is to know of keys, in numbers and ids. */
export async function readKmsStatus(deps: Deps): Promise<KmsStatus> {
  const setupKey = await serverSetupKeyId(deps)
  const shared = await sql<{
    id: string
    state: SharedKeyStatus['use']
    destruction_ms: number | null
    outer_keys: number
  }>`
    SELECT k.id, k.state, k.destruction_ms, count(o.version) AS outer_keys
    FROM kms_keys k LEFT JOIN outer_keys o ON o.kms_key_id = k.id
    WHERE k.account_id IS NULL GROUP BY k.id ORDER BY k.created_ms, k.id`.execute(deps.database)
  const sharedKeys = await Promise.all(
    shared.rows.map(async (row) => ({
      id: row.id,
      use: row.state,
      state: await stateOf(deps.keys, row.id),
      outerKeys: row.outer_keys,
      setup: row.id === setupKey,
      destructionMs: row.destruction_ms,
    })),
  )
  const own = await sql<{ in_use: number; retired: number; doomed: number; ended: number; oldest_ms: number | null }>`
    SELECT count(*) FILTER (WHERE state = 'current') AS in_use, count(*) FILTER (WHERE state = 'retired') AS retired,
      count(*) FILTER (WHERE state = 'doomed') AS doomed, count(*) FILTER (WHERE state = 'ended') AS ended,
      min(created_ms) FILTER (WHERE state = 'current') AS oldest_ms
    FROM kms_keys WHERE account_id IS NOT NULL`.execute(deps.database)
  const counts = own.rows[0]
  const rotation = await unfinishedRotation(deps.database)
  const left = sharedKeys.reduce((sum, key) => sum + (key.use === 'retired' ? key.outerKeys : 0), 0)
  return {
    kind: deps.keys.kind,
    sharedKeys,
    ownKeys: {
      inUse: counts?.in_use ?? 0,
      retired: counts?.retired ?? 0,
      doomed: counts?.doomed ?? 0,
      ended: counts?.ended ?? 0,
      oldestMs: counts?.oldest_ms ?? null,
    },
    rotation: rotation === null ? null : { toKey: rotation.toKey, startedMs: rotation.startedMs, left },
    outerRotations: await countOuterRotations(deps.database),
  }
}

/** Accounts with a key of their own. */
export async function countOwnKeys(database: Database): Promise<number> {
  const counted = await database
    .selectFrom('kms_keys')
    .select((build) => build.fn.countAll<number>().as('keys'))
    .where('account_id', 'is not', null)
    .where('state', '=', 'current')
    .executeTakeFirstOrThrow()
  return counted.keys
}

async function countOuterRotations(database: Database): Promise<number> {
  const counted = await sql<{ accounts: number }>`
    SELECT count(DISTINCT newer.account_id) AS accounts FROM outer_keys newer
    JOIN outer_keys older ON older.account_id = newer.account_id AND older.version < newer.version
    WHERE newer.version > 1`.execute(database)
  return counted.rows[0]?.accounts ?? 0
}

async function stateOf(keys: KeyManagement, id: string): Promise<KeyState | 'unknown'> {
  try {
    return await keys.keyState(id)
  } catch (error) {
    if (error instanceof KeyManagementError) return 'unknown'
    throw error
  }
}

/**
 * Has the key service destroy the retired keys under which nothing is left, after `days` (7 … 30): shared ones, and those
 * of accounts that got a newer one. Copies of the
 * database from before the rotation open nothing any more from then on.
 *
 * @throws KeyManagementError `unavailable`: the job goes on with it
 */
export async function destroyRetiredKeys(deps: Deps, days: number): Promise<Destruction[]> {
  const setupKey = await serverSetupKeyId(deps)
  await deps.database
    .updateTable('kms_keys')
    .set({ state: 'doomed', waiting_days: days })
    .where('state', '=', 'retired')
    .where('id', '!=', setupKey)
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('outer_keys').select('version').whereRef('kms_key_id', '=', 'kms_keys.id'))),
    )
    .execute()
  return destroyDoomedKeys(deps)
}
