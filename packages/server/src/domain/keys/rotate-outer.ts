import type { Database } from '../../database/tables.ts'
import type { Clock, KeyManagement, Random } from '../../ports/index.ts'
import { recordAudit } from '../audit/record.ts'
import { equal, hex } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import { sharedKeyId } from './kms-keys.ts'
import { insertOuterKey, makeOuterKey, type OuterKeys } from './outer-keys.ts'
import { anyOlderRow, resealRows } from './sealed-rows.ts'

export interface OuterRotationDeps {
  database: Database
  keys: KeyManagement
  clock: Clock
  random: Random
  outerKeys: OuterKeys
}

const BATCH = 500
/** A pass finds what writers have sealed meanwhile; they can do so only with a version that they had read before. */
const MOST_PASSES = 20

interface StoredOuterKey {
  readonly version: number
  readonly kmsKeyId: string
  readonly scope: 'shared' | 'per-user'
}

/** The outer keys of an account, the oldest first: one, but while a rotation is under way. */
async function storedOuterKeys(database: Database, accountId: Uint8Array): Promise<StoredOuterKey[]> {
  const rows = await database
    .selectFrom('outer_keys')
    .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
    .select(['version', 'kms_key_id', 'kms_keys.account_id as own'])
    .where('outer_keys.account_id', '=', accountId)
    .orderBy('version')
    .execute()
  return rows.map((row) => ({
    version: row.version,
    kmsKeyId: row.kms_key_id,
    scope: row.own === null ? 'shared' : 'per-user',
  }))
}

async function newestOuterKey(database: Database, accountId: Uint8Array): Promise<StoredOuterKey> {
  const newest = (await storedOuterKeys(database, accountId)).at(-1)
  if (newest === undefined) throw new ServerError('not_found')
  return newest
}

/** What `rotateOuterKey` did. */
export interface OuterRotation {
  readonly version: number
  readonly rows: number
}

/**
 * Gives an account a new outer key and seals all its rows again; the older keys are then deleted. What was begun
 * before is finished first, and is not begun again. May run beside itself and beside users at work.
 *
 * @param step - called between batches with the rows sealed since; what it throws ends the work, to be gone on with later
 * @throws ServerError `not_found`, `stored_data_damaged`; KeyManagementError
 */
export async function rotateOuterKey(
  deps: OuterRotationDeps,
  accountId: Uint8Array,
  step: (rows: number) => Promise<void> = async () => undefined,
): Promise<OuterRotation> {
  const stored = await storedOuterKeys(deps.database, accountId)
  const newest = stored.at(-1)
  if (newest === undefined) throw new ServerError('not_found')
  if (stored.length === 1) {
    const kmsKeyId = newest.scope === 'per-user' ? newest.kmsKeyId : await sharedKeyId(deps)
    await addOuterKey(deps, accountId, { version: newest.version + 1, kmsKeyId })
  }
  return finishOuterRotation(deps, accountId, step)
}

/** Stores a fresh outer key as `version`, or finds that somebody else has done it. */
async function addOuterKey(
  deps: OuterRotationDeps,
  accountId: Uint8Array,
  input: { readonly version: number; readonly kmsKeyId: string },
): Promise<void> {
  const outer = await makeOuterKey(deps, { accountId, ...input })
  await insertOuterKey(deps.database, accountId, outer, deps.clock.nowMs()).catch((error: unknown) => {
    if (!isDuplicate(error)) throw error
  })
}

function isDuplicate(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505'
}

/** Seals all rows under the newest outer key and deletes the older ones; does nothing where there are none. */
export async function finishOuterRotation(
  deps: OuterRotationDeps,
  accountId: Uint8Array,
  step: (rows: number) => Promise<void>,
): Promise<OuterRotation> {
  const { version } = await newestOuterKey(deps.database, accountId)
  const newest = { version, key: await deps.outerKeys.version(accountId, version) }
  let rows = 0
  for (let pass = 0; pass < MOST_PASSES; pass += 1) {
    rows += await resealRows(deps, {
      accountId,
      newest,
      older: (older) => deps.outerKeys.version(accountId, older),
      step,
      batch: BATCH,
    })
    if (await deleteOlder(deps, accountId, version)) return { version, rows }
  }
  throw new ServerError('unavailable', { retryAfterSeconds: 5 })
}

/**
 * Deletes the outer keys below `version`, unless a row still needs one.
 *
 * Invariant: a writer holds a share of the row of its outer key until its own rows are visible (migration 0010). So
 * once these locks are held, every row under an older key can be seen, and no further one comes.
 */
async function deleteOlder(
  deps: Pick<OuterRotationDeps, 'database' | 'clock'>,
  accountId: Uint8Array,
  version: number,
): Promise<boolean> {
  return deps.database.transaction().execute(async (tx) => {
    await tx
      .selectFrom('outer_keys')
      .select('version')
      .where('account_id', '=', accountId)
      .where('version', '<', version)
      .orderBy('version')
      .forUpdate()
      .execute()
    if (await anyOlderRow(tx, accountId, version)) return false
    const deleted = await tx
      .deleteFrom('outer_keys')
      .where('account_id', '=', accountId)
      .where('version', '<', version)
      .executeTakeFirst()
    if (deleted.numDeletedRows > 0n) await recordAudit(deps, tx, accountId, 'outer_key_rotated')
    return true
  })
}

/** Accounts with a rotation under way, at most `limit`, by id. */
export async function unfinishedOuterRotations(database: Database, limit: number): Promise<Uint8Array[]> {
  const rows = await database
    .selectFrom('outer_keys as newer')
    .innerJoin('outer_keys as older', (join) =>
      join.onRef('older.account_id', '=', 'newer.account_id').onRef('older.version', '<', 'newer.version'),
    )
    .select('newer.account_id')
    .distinct()
    .where('newer.version', '>', 1)
    .orderBy('newer.account_id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.account_id)
}

/**
 * Gives an account a key of the key service of its own, where it has none yet: a fresh outer key is made under it and
 * the rows are sealed again, so that no outer key crosses scopes. Called before the first upload. Repeating it, also
 * after a kill at any point, finishes what was begun.
 */
export async function ensureOwnKey(deps: OuterRotationDeps, accountId: Uint8Array): Promise<void> {
  const stored = await storedOuterKeys(deps.database, accountId)
  const newest = stored.at(-1)
  if (newest === undefined) throw new ServerError('not_found')
  if (newest.scope === 'per-user' && stored.length === 1) return
  if (newest.scope === 'shared') {
    const kmsKeyId = await ownKeyId(deps, accountId)
    await addOuterKey(deps, accountId, { version: newest.version + 1, kmsKeyId })
  }
  await finishOuterRotation(deps, accountId, async () => undefined)
}

/** The account's own key, made by one of the servers that race. */
async function ownKeyId(deps: OuterRotationDeps, accountId: Uint8Array): Promise<string> {
  const id = await deps.keys.createKey(`user-${hex(accountId)}`)
  const exists = await deps.database.transaction().execute(async (tx) => {
    const account = await tx
      .selectFrom('accounts')
      .select('id')
      .where('id', '=', accountId)
      .forShare()
      .executeTakeFirst()
    // Reason: a key that was made while its account was deleted has to be destroyed too.
    const state = account === undefined ? 'doomed' : 'current'
    await tx
      .insertInto('kms_keys')
      .values({ id, account_id: accountId, state, created_ms: deps.clock.nowMs() })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return account !== undefined
  })
  if (!exists) throw new ServerError('not_found')
  const row = await deps.database.selectFrom('kms_keys').select('account_id').where('id', '=', id).executeTakeFirst()
  // Reason: a key service that answers with somebody else's key would undo the isolation that was asked for.
  if (row?.account_id === undefined || row.account_id === null || !equal(row.account_id, accountId)) {
    throw new Error('the key service gave an account the key of another')
  }
  return id
}
