import { sql } from 'kysely'
import type { Database } from '../../database/tables.ts'
import { type BackupFolder, BackupFolderError, type ServedObjectStore } from '../../ports/index.ts'
import { partCount } from '../blobs/layout.ts'
import { eachConcurrently } from '../concurrency.ts'
import { restoreSetupObject } from '../keys/server-setup.ts'
import { batches } from './backup.ts'
import { checked, type DumpedBlob, WrongBytes } from './blobs.ts'
import {
  BACKUPS,
  BackupError,
  type BackupManifest,
  blobFile,
  listBackups,
  readManifest,
  verifiedStream,
} from './manifest.ts'
import { loadTables, readLines } from './rows.ts'

const STORE_CONCURRENCY = 4
const DIGEST = 32
/** What a device was allowed before the backup may have been revoked since. */
const SESSIONS = ['sessions', 'session_halves']

/** A backup that was found and whose manifest holds. */
export interface FoundBackup {
  readonly name: string
  readonly manifest: BackupManifest
}

/**
 * The backup of this name, or the newest whole one.
 *
 * @throws BackupError `not_found`, `integrity`, `upgrade_required`
 */
export async function findBackup(folder: BackupFolder, name: string | null): Promise<FoundBackup> {
  const names = await listBackups(folder)
  const chosen = name ?? names.at(-1)
  if (chosen === undefined || !names.includes(chosen)) {
    const line = names.length === 0 ? 'There is no whole backup in the folder.' : 'There is no such backup; see --list.'
    throw new BackupError('not_found', line)
  }
  return { name: chosen, manifest: await readManifest(folder, chosen) }
}

/** A small file of a backup, verified. @throws BackupError `integrity` */
export async function readBackupFile(
  folder: BackupFolder,
  { name, manifest }: FoundBackup,
  which: 'setup' | 'keyFile',
): Promise<Uint8Array | null> {
  const stored = manifest[which]
  if (stored === null) return null
  const file = `${BACKUPS}/${name}/${which === 'setup' ? 'opaque-setup' : 'keys.json'}`
  const chunks: Uint8Array[] = []
  for await (const chunk of verifiedStream(folder, { file, stored, name })) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export interface RestoreOptions {
  readonly skipDamaged: boolean
  readonly keepSessions: boolean
  readonly signal: AbortSignal
  /** Told of a blob that the backup does not have, or not as its digests say. */
  readonly missing: (blobId: string) => Promise<void>
  readonly step: (done: { what: string; count: number }) => Promise<void>
}

export interface Restored {
  readonly blobs: number
  readonly bytes: number
  /** Blobs that the backup lacks. */
  readonly missing: number
  readonly rows: number
}

/**
 * Puts blobs and the login setup of a backup into a store. What is there already stays, so that a restore that was cut
 * off goes on.
 *
 * @throws BackupError `integrity` for a blob that is damaged in the backup, unless these are to be skipped; `conflict`
 *   where the store belongs to another service
 */
export async function restoreStore(
  deps: { readonly folder: BackupFolder; readonly objects: ServedObjectStore },
  backup: FoundBackup,
  options: RestoreOptions,
): Promise<Omit<Restored, 'rows'>> {
  const { folder, objects } = deps
  const setup = await readBackupFile(folder, backup, 'setup')
  if (setup === null || !(await restoreSetupObject(objects, setup))) {
    throw new BackupError('conflict', 'The blob store belongs to another service already; name an empty one.')
  }
  const known = new Set(backup.manifest.missing)
  const counts = { blobs: 0, bytes: 0, missing: 0 }
  const restoreOne = async (blob: DumpedBlob): Promise<void> => {
    options.signal.throwIfAborted()
    const there = known.has(blob.id) ? false : await restoreBlob(deps, blob)
    if (there) {
      counts.blobs += 1
      counts.bytes += blob.length
      return
    }
    if (known.has(blob.id) && blob.state === 'condemned') return
    counts.missing += 1
    await options.missing(blob.id)
    if (known.has(blob.id) || options.skipDamaged) return
    throw new BackupError(
      'integrity',
      `The backup "${backup.name}" is damaged: the bytes of blob ${blob.id} are not those that were written.`,
    )
  }
  const prefix = `${BACKUPS}/${backup.name}`
  for await (const batch of batches(readLines(folder, { ...backup, prefix, table: 'blobs' }))) {
    await eachConcurrently(batch, STORE_CONCURRENCY, restoreOne)
    await options.step({ what: 'objects', count: counts.blobs })
  }
  return counts
}

/** False where the backup has it not, or not as its digests say. */
async function restoreBlob(
  { folder, objects }: { readonly folder: BackupFolder; readonly objects: ServedObjectStore },
  blob: DumpedBlob,
): Promise<boolean> {
  const blobId = Buffer.from(blob.id, 'hex')
  const there = await objects.stat(blobId)
  if (there?.length === blob.length) return true
  try {
    const parts = partsOf(blob, checked(blob, folder.stream(blobFile(blob.id))))
    if (partCount(blob.length, blob.partSize) === 1) {
      for await (const bytes of parts) await objects.putWhole(blobId, bytes, blob.digests)
      return true
    }
    const uploadId = await objects.createUpload(blobId, false)
    const done: { etag: string; sha256: Uint8Array; length: number }[] = []
    for await (const bytes of parts) {
      const index = done.length
      const sha256 = blob.digests.subarray(index * DIGEST, (index + 1) * DIGEST)
      const target = { blobId, uploadId, index, length: bytes.length, sha256 }
      const { etag } = await objects.writePart(target, once(bytes))
      done.push({ etag, sha256, length: bytes.length })
    }
    await objects.complete({ blobId, uploadId }, done)
    return true
  } catch (error) {
    const absent = error instanceof BackupFolderError && error.code === 'not_found'
    if (absent || error instanceof WrongBytes) return false
    throw error
  }
}

/** The parts of a blob, each whole, once all of their bytes were compared. */
async function* partsOf(blob: DumpedBlob, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const size = Math.min(blob.partSize, blob.length)
  let part = Buffer.allocUnsafe(size)
  let filled = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + size - filled)
      part.set(piece, filled)
      filled += piece.length
      at += piece.length
      if (filled < size) continue
      yield part
      // Reason: whoever got the part may keep it.
      part = Buffer.allocUnsafe(size)
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/**
 * Puts the rows of a backup into an empty database whose tables have the backup's version, all at once or not at all.
 *
 * @returns how many rows
 * @throws BackupError `integrity`, `conflict` where accounts are there
 */
export async function restoreTables(
  deps: { readonly database: Database; readonly folder: BackupFolder },
  backup: FoundBackup,
  options: RestoreOptions,
): Promise<number> {
  const { name, manifest } = backup
  const missing = manifest.missing.map((id) => Buffer.from(id, 'hex'))
  let rows = 0
  await deps.database.transaction().execute(async (tx) => {
    const accounts = await sql`SELECT 1 FROM accounts LIMIT 1`.execute(tx)
    if (accounts.rows.length > 0)
      throw new BackupError('conflict', 'The database has accounts already; name an empty one.')
    await loadTables(tx, deps.folder, {
      name,
      prefix: `${BACKUPS}/${name}`,
      manifest,
      leaveOut: options.keepSessions ? [] : SESSIONS,
      signal: options.signal,
      step: async (what, count) => options.step({ what, count }),
    })
    // Leases of servers that are gone, and looks at a store that was another one.
    await sql`UPDATE jobs SET holder = NULL, lease_ends_ms = 0, due_ms = 0`.execute(tx)
    await sql`DELETE FROM orphans`.execute(tx)
    // What was collected while the backup was made: the collector would find nothing.
    await sql`
      UPDATE blobs SET state = 'deleted', charged_bytes = 0, condemned_ms = NULL, digests = NULL, upload_id = NULL
      WHERE id = ANY(${missing}::bytea[]) AND state = 'condemned'`.execute(tx)
    await sql`
      DELETE FROM wraps w USING blobs b
      WHERE b.id = w.blob_id AND w.blob_id = ANY(${missing}::bytea[]) AND b.state = 'deleted'`.execute(tx)
    rows = Object.values(manifest.tables).reduce((sum, table) => sum + table.rows, 0)
  })
  return rows
}
