import { exclusively } from '../../database/exclusive.ts'
import type { Database } from '../../database/tables.ts'
import type { BackupFolder, BlobStore, Clock, KeyManagement, Random } from '../../ports/index.ts'
import { hex } from '../bytes.ts'
import { eachConcurrently } from '../concurrency.ts'
import { readSetupObject, type ServerSetup } from '../keys/server-setup.ts'
import { copyBlob, type DumpedBlob, dumpedBlob } from './blobs.ts'
import {
  BACKUP_FORMAT,
  BACKUPS,
  BackupError,
  type BackupManifest,
  backupName,
  blobFile,
  claimFolder,
  encodeManifest,
  listBackups,
  MANIFEST,
  PARTIAL,
  readManifest,
  whole,
} from './manifest.ts'
import { dumpTables, readLines } from './rows.ts'

const BLOBS = 500
const STORE_CONCURRENCY = 4

export interface BackupDeps {
  readonly database: Database
  readonly store: BlobStore
  readonly keys: KeyManagement
  readonly setup: ServerSetup
  readonly clock: Clock
  readonly random: Random
  /** Reads the key file; null where another key service keeps the keys. */
  readonly readKeyFile: (() => Promise<Uint8Array>) | null
}

export interface BackupOptions {
  readonly withoutKeys: boolean
  /** How many backups stay, this one included; null: all. */
  readonly keep: number | null
  readonly signal: AbortSignal
  /** Told of a blob that the store does not have as it should. */
  readonly missing: (blobId: string) => Promise<void>
  readonly step: (done: { what: string; count: number }) => Promise<void>
}

export interface BackupResult {
  readonly name: string
  readonly rows: number
  readonly blobs: number
  /** Blobs that were not in the folder before, and their bytes. */
  readonly copied: number
  readonly copiedBytes: number
  readonly missing: number
  readonly keyFile: boolean
  readonly removed: number
}

/**
 * Makes a backup while servers work: the tables as they are at one moment, then every blob that they name and the folder
 * lacks, then the login setup, and last the keys, so that whatever was wrapped until then can be unwrapped.
 *
 * Blobs that the tables name stay in the store for at least a day, however long the copying takes: no collector removes
 * what had a reference less than the grace ago.
 *
 * @throws BackupError `conflict`, BackupFolderError, and errors of ports; nothing with a final name is left then
 */
export async function makeBackup(
  deps: BackupDeps,
  folder: BackupFolder,
  options: BackupOptions,
): Promise<BackupResult> {
  return alone(deps.database, async () => {
    await claimFolder(folder, deps.setup.id)
    await folder.clean()
    for (const name of await folder.list(BACKUPS)) {
      if (name.startsWith(PARTIAL)) await folder.remove(`${BACKUPS}/${name}`)
    }
    const createdMs = deps.clock.nowMs()
    const newest = (await listBackups(folder)).at(-1)
    const name = backupName(createdMs, deps.random.bytes(3), newest)
    const prefix = `${BACKUPS}/${PARTIAL}${name}`
    const step = (what: string, count: number) => options.step({ what, count })
    const tables = await dumpTables({ database: deps.database, folder }, { prefix, signal: options.signal, step })
    const copied = await copyBlobs(deps, folder, { name, prefix, manifest: tables, options })
    const setup = await folder.write(`${prefix}/opaque-setup`, whole(await readSetupObject(deps.store)))
    const keyBytes = options.withoutKeys || deps.readKeyFile === null ? null : await deps.readKeyFile()
    const keyFile = keyBytes === null ? null : await folder.write(`${prefix}/keys.json`, whole(keyBytes))
    keyBytes?.fill(0)
    const manifest: BackupManifest = {
      format: BACKUP_FORMAT,
      service: hex(deps.setup.id),
      createdMs,
      ...tables,
      blobs: { count: copied.blobs, bytes: copied.bytes },
      missing: copied.missing,
      setup,
      keyFile,
      keyService: deps.keys.kind,
    }
    await folder.write(`${prefix}/${MANIFEST}`, whole(encodeManifest(manifest)))
    options.signal.throwIfAborted()
    await folder.publish(prefix, `${BACKUPS}/${name}`)
    const removed = options.keep === null ? 0 : await removeOld(folder, options.keep, options)
    return {
      name,
      rows: Object.values(tables.tables).reduce((sum, { rows }) => sum + rows, 0),
      blobs: copied.blobs,
      copied: copied.copied,
      copiedBytes: copied.copiedBytes,
      missing: copied.missing.length,
      keyFile: keyFile !== null,
      removed,
    }
  })
}

/** Runs alone among all servers of the database. @throws BackupError `conflict` */
async function alone<T>(database: Database, task: () => Promise<T>): Promise<T> {
  const done = await exclusively(database, 'backup', task)
  if (done === null) throw new BackupError('conflict', 'Another backup of this service is running.')
  return done.result
}

interface Copied {
  readonly blobs: number
  readonly bytes: number
  readonly copied: number
  readonly copiedBytes: number
  readonly missing: string[]
}

async function copyBlobs(
  deps: BackupDeps,
  folder: BackupFolder,
  input: {
    readonly name: string
    readonly prefix: string
    readonly manifest: Pick<BackupManifest, 'tables' | 'schemaVersion'>
    readonly options: BackupOptions
  },
): Promise<Copied> {
  const counts = { blobs: 0, bytes: 0, copied: 0, copiedBytes: 0 }
  const missing: string[] = []
  const { options, manifest } = input
  const copyOne = async (blob: DumpedBlob): Promise<void> => {
    options.signal.throwIfAborted()
    const outcome = await copyBlob({ store: deps.store, folder }, blob)
    if (outcome === 'missing') {
      missing.push(blob.id)
      // What was condemned may have been collected since the tables were read: nobody can miss it.
      if (blob.state !== 'condemned') await options.missing(blob.id)
      return
    }
    counts.blobs += 1
    counts.bytes += blob.length
    if (outcome === 'kept') return
    counts.copied += 1
    counts.copiedBytes += blob.length
  }
  const lines = readLines(folder, { ...input, table: 'blobs', manifest: { ...EMPTY, ...manifest } })
  for await (const batch of batches(lines)) {
    await eachConcurrently(batch, STORE_CONCURRENCY, copyOne)
    await options.step({ what: 'objects', count: counts.blobs })
  }
  return { ...counts, missing: missing.sort() }
}

/** What the rows of an unfinished backup are read with. */
const EMPTY: Omit<BackupManifest, 'tables' | 'schemaVersion'> = {
  format: BACKUP_FORMAT,
  service: '',
  createdMs: 0,
  blobs: { count: 0, bytes: 0 },
  missing: [],
  setup: { length: 0, sha256: '' },
  keyFile: null,
  keyService: '',
}

/** The blobs of dumped rows, some at a time. */
export async function* batches(lines: AsyncIterable<string>): AsyncGenerator<DumpedBlob[]> {
  let batch: DumpedBlob[] = []
  for await (const line of lines) {
    const blob = dumpedBlob(line)
    if (blob !== null) batch.push(blob)
    if (batch.length < BLOBS) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Removes all but the newest backups, and then the blobs that none of these names. Returns how many backups went. */
async function removeOld(folder: BackupFolder, keep: number, options: BackupOptions): Promise<number> {
  const names = await listBackups(folder)
  const old = names.slice(0, Math.max(0, names.length - keep))
  if (old.length === 0) return 0
  const named = new Set<string>()
  for (const name of names.slice(-keep)) {
    const manifest = await readManifest(folder, name)
    const prefix = `${BACKUPS}/${name}`
    for await (const batch of batches(readLines(folder, { name, prefix, table: 'blobs', manifest }))) {
      for (const { id } of batch) named.add(id)
    }
  }
  // Invariant: a backup goes before its blobs do, so that none that has a name lacks one.
  for (const name of old) await folder.remove(`${BACKUPS}/${name}`)
  for (const shelf of await folder.list('blobs')) {
    options.signal.throwIfAborted()
    for (const id of await folder.list(`blobs/${shelf}`)) if (!named.has(id)) await folder.remove(blobFile(id))
  }
  return old.length
}
