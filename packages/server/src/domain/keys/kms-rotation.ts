import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { exclusively } from '../../database/exclusive.ts'
import type { Database } from '../../database/tables.ts'
import { type BlobStore, type Clock, type KeyManagement, KeyManagementError } from '../../ports/index.ts'
import { recordAuditOfMany } from '../audit/record.ts'
import { eachConcurrently } from '../concurrency.ts'
import { replaceSharedKey } from './kms-keys.ts'
import { outerKeyContext } from './outer-keys.ts'
import { rewrapServerSetup } from './server-setup.ts'

/*
 * [Note: Rotation of the shared key]
 * A rotation is a row of `kms_rotations`; whoever finds one unfinished goes on with it. Each step can be repeated: the
 * new key has a name, the row of `kms_keys` says from when on nothing more is wrapped under the old one, and every
 * outer key is moved by compare-and-swap on its wrapped bytes. An advisory lock keeps two servers from doing the same
 * work; that it is lost with the connection of a server that died lets another one go on at once.
 */
const BATCH = 100
const CONCURRENCY = 16
/** Outer keys a second, well below what a KMS allows for all its callers. */
const RATE = 250
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000]

export interface KmsRotationDeps {
  database: Database
  keys: KeyManagement
  clock: Clock
  store: Pick<BlobStore, 'readNamed' | 'replaceNamed'>
}

export interface RotationProgress {
  readonly toKey: string
  readonly moved: number
  /** Outer keys that still need an older key. */
  readonly left: number
}

export interface RotationResult extends RotationProgress {
  /** Outer keys that could not be moved: damaged, or under a key that cannot be used. The rotation stays unfinished. */
  readonly failed: number
}

export interface RotationOptions {
  /** Id of the new key; made now where it is absent. */
  readonly toKey?: string | undefined
  readonly perSecond?: number | undefined
  /** Called between batches; what it throws ends the work, to be gone on with later. */
  readonly step: (progress: RotationProgress) => Promise<void>
  readonly pause?: (ms: number) => Promise<void>
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/**
 * Moves all outer keys of the shared scope, and the server setup, to a new key of the key service: begins a rotation,
 * or goes on with an unfinished one. Users are at work meanwhile.
 *
 * @returns null when another server is doing it now
 * @throws KeyManagementError when the key service stays unavailable; the rotation is gone on with later
 */
export async function rotateKmsKey(deps: KmsRotationDeps, options: RotationOptions): Promise<RotationResult | null> {
  return alone(deps.database, async () => run(deps, await beginRotation(deps, options.toKey), options))
}

/** Goes on with an unfinished rotation, if there is one and nobody else does. */
export async function resumeKmsRotation(
  deps: KmsRotationDeps,
  options: RotationOptions,
): Promise<RotationResult | null> {
  if ((await unfinishedRotation(deps.database)) === null) return null
  return alone(deps.database, async () => {
    const rotation = await unfinishedRotation(deps.database)
    return rotation === null ? null : run(deps, await keyOfRotation(deps, rotation), options)
  })
}

/** Runs `work` on one server at a time; null where another one is at it. */
async function alone<T>(database: Database, work: () => Promise<T | null>): Promise<T | null> {
  const done = await exclusively(database, 'kms-rotation', work)
  return done?.result ?? null
}

interface Rotation {
  readonly id: number
  readonly keyName: string
  readonly toKey: string | null
  readonly startedMs: number
}

/** The rotation that was begun and not finished. */
export async function unfinishedRotation(database: Database): Promise<Rotation | null> {
  const row = await database.selectFrom('kms_rotations').selectAll().where('finished_ms', 'is', null).executeTakeFirst()
  return row === undefined ? null : { id: row.id, keyName: row.key_name, toKey: row.to_key, startedMs: row.started_ms }
}

async function beginRotation(deps: KmsRotationDeps, toKey: string | undefined): Promise<Rotation & { toKey: string }> {
  const unfinished = await unfinishedRotation(deps.database)
  if (unfinished !== null) return keyOfRotation(deps, unfinished)
  // Found out before anything is written that a mistyped key would leave behind.
  if (toKey !== undefined) await requireEnabled(deps.keys, toKey)
  const [keyName, startedMs] = [`shared-${randomUUID().slice(0, 8)}`, deps.clock.nowMs()]
  const id = await deps.database.transaction().execute(async (tx) => {
    if (toKey !== undefined) await replaceSharedKey(tx, toKey, startedMs)
    const row = await tx
      .insertInto('kms_rotations')
      .values({ key_name: keyName, to_key: toKey ?? null, started_ms: startedMs })
      .returning('id')
      .executeTakeFirstOrThrow()
    return row.id
  })
  return keyOfRotation(deps, { id, keyName, toKey: toKey ?? null, startedMs })
}

async function requireEnabled(keys: KeyManagement, keyId: string): Promise<void> {
  const state = await keys.keyState(keyId)
  if (state !== 'enabled') throw new KeyManagementError('key_unusable', `the key is ${state.replace('_', ' ')}`)
}

/** The rotation with its key, which is the current one of all servers from then on. */
async function keyOfRotation(deps: KmsRotationDeps, rotation: Rotation): Promise<Rotation & { toKey: string }> {
  if (rotation.toKey !== null) return { ...rotation, toKey: rotation.toKey }
  const toKey = await deps.keys.createKey(rotation.keyName)
  await deps.database.transaction().execute(async (tx) => {
    await replaceSharedKey(tx, toKey, deps.clock.nowMs())
    await tx.updateTable('kms_rotations').set({ to_key: toKey }).where('id', '=', rotation.id).execute()
  })
  return { ...rotation, toKey }
}

async function run(
  deps: KmsRotationDeps,
  rotation: Rotation & { toKey: string },
  options: RotationOptions,
): Promise<RotationResult> {
  const { toKey } = rotation
  const pause = options.pause ?? sleep
  await patiently(pause, () => deps.keys.setCurrentKey(toKey))
  await patiently(pause, () => rewrapServerSetup(deps, toKey))
  const perSecond = options.perSecond ?? RATE
  // No further one comes: the database refuses outer keys under a retired key.
  const total = await countLeft(deps.database)
  let [moved, failed] = [0, 0]
  // One batch is at the key service, the next is read and the one before is written meanwhile.
  let writing: Promise<number> = Promise.resolve(0)
  let reading = readBatch(deps.database, null)
  try {
    for (;;) {
      const startMs = performance.now()
      const rows = await reading
      const last = rows.at(-1)
      if (last === undefined) break
      reading = readBatch(deps.database, last)
      // A failure shows where it is awaited.
      reading.catch(() => undefined)
      const batch = await reEncryptBatch(deps, rows, toKey, pause)
      moved += await writing
      writing = writeMoved(deps, batch.fresh, toKey)
      writing.catch(() => undefined)
      failed += batch.failed
      await options.step({ toKey, moved, left: total - moved })
      await pause(Math.max(0, (rows.length / perSecond) * 1000 - (performance.now() - startMs)))
    }
    moved += await writing
  } finally {
    // Invariant: nobody else begins while a batch of this run is being written.
    await writing.catch(() => undefined)
    await reading.catch(() => undefined)
  }
  const left = await countLeft(deps.database)
  if (left === 0) {
    await deps.database
      .updateTable('kms_rotations')
      .set({ finished_ms: deps.clock.nowMs() })
      .where('id', '=', rotation.id)
      .execute()
  }
  return { toKey, moved, left, failed }
}

interface OuterRow {
  readonly account_id: Uint8Array
  readonly version: number
  readonly wrapped: Uint8Array
  readonly kms_key_id: string
}

/** An outer key wrapped anew, and the row that it was read from. */
interface FreshKey {
  readonly row: OuterRow
  readonly wrapped: Uint8Array
}

async function readBatch(database: Database, after: OuterRow | null): Promise<OuterRow[]> {
  const later =
    after === null
      ? sql``
      : sql`AND (o.kms_key_id, o.account_id, o.version) > (${after.kms_key_id}, ${after.account_id}, ${after.version})`
  const rows = await sql<OuterRow>`
    SELECT o.account_id, o.version, o.wrapped, o.kms_key_id
    FROM outer_keys o JOIN kms_keys k ON k.id = o.kms_key_id
    WHERE k.account_id IS NULL AND k.state = 'retired' ${later}
    ORDER BY o.kms_key_id, o.account_id, o.version LIMIT ${BATCH}`.execute(database)
  return rows.rows
}

async function countLeft(database: Database): Promise<number> {
  const row = await database
    .selectFrom('outer_keys')
    .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
    .select((build) => build.fn.countAll<number>().as('left'))
    .where('kms_keys.account_id', 'is', null)
    .where('kms_keys.state', '=', 'retired')
    .executeTakeFirstOrThrow()
  return row.left
}

async function reEncryptBatch(
  deps: KmsRotationDeps,
  rows: readonly OuterRow[],
  toKey: string,
  pause: (ms: number) => Promise<void>,
): Promise<{ fresh: FreshKey[]; failed: number }> {
  const fresh: FreshKey[] = []
  let failed = 0
  await eachConcurrently(rows, CONCURRENCY, async (row) => {
    const context = outerKeyContext(row.account_id, row.version)
    try {
      const wrapped = await patiently(pause, () => deps.keys.reEncrypt(row.wrapped, context, toKey))
      fresh.push({ row, wrapped })
    } catch (error) {
      // One that does not open must not keep the others under the old key.
      if (!(error instanceof KeyManagementError) || error.code === 'unavailable') throw error
      failed += 1
    }
  })
  return { fresh, failed }
}

/** Writes what nobody else has changed meanwhile, each with an entry in its account's audit log. */
async function writeMoved(deps: KmsRotationDeps, fresh: readonly FreshKey[], toKey: string): Promise<number> {
  return deps.database.transaction().execute(async (tx) => {
    const written = await sql<{ account_id: Uint8Array }>`
      UPDATE outer_keys AS o SET wrapped = n.wrapped, kms_key_id = ${toKey}
      FROM unnest(
        ${fresh.map(({ row }) => row.account_id)}::bytea[],
        ${fresh.map(({ row }) => row.version)}::integer[],
        ${fresh.map(({ row }) => row.wrapped)}::bytea[],
        ${fresh.map(({ wrapped }) => wrapped)}::bytea[]
      ) AS n (account_id, version, before, wrapped)
      WHERE o.account_id = n.account_id AND o.version = n.version AND o.wrapped = n.before
      RETURNING o.account_id`.execute(tx)
    const moved = written.rows.map((row) => row.account_id)
    await recordAuditOfMany(deps, tx, moved, 'kms_key_rotated')
    return written.rows.length
  })
}

/** Repeats a call while the key service is unavailable, with growing pauses. */
async function patiently<T>(pause: (ms: number) => Promise<void>, call: () => Promise<T>): Promise<T> {
  for (const ms of PAUSES_MS) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof KeyManagementError) || error.code !== 'unavailable') throw error
    }
    await pause(ms)
  }
  return call()
}
