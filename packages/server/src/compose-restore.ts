import { randomBytes } from 'node:crypto'
import { access, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { backupError } from './admin/errors.ts'
import { openDatabase } from './compose-database.ts'
import { basics, opened, openKeys, openServices, openStore } from './compose-services.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { restoreMark } from './data-folder.ts'
import { migrate } from './database/migrate.ts'
import { MIGRATIONS } from './database/migrations/index.ts'
import type { Database } from './database/tables.ts'
import { checkBackup } from './domain/backup/check.ts'
import { BackupError, listBackups, newer, readManifest } from './domain/backup/manifest.ts'
import {
  type FoundBackup,
  findBackup,
  type Restored,
  type RestoreOptions,
  readBackupFile,
  restoreStore,
  restoreTables,
} from './domain/backup/restore.ts'
import { boundedKeys } from './domain/keys/bounded-keys.ts'
import { makeFolder } from './make-folder.ts'
import type { BackupFolder } from './ports/index.ts'

export interface RestoreInput extends RestoreOptions {
  /** Folder of backups. */
  readonly folder: string
  /** null: the newest. */
  readonly name: string | null
  /** A copy of the key file that is used instead of the backup's; null: the backup's own. */
  readonly keyFile: string | null
}

export interface RestoreResult extends Restored {
  readonly name: string
  readonly createdMs: number
}

const MARK =
  'A backup is being restored into this folder. If nobody is at it any more, run "strongroom admin restore" again.\n'

/** The backups in a folder, the oldest first. @throws AdminError */
export async function listBackupsIn(folder: string): Promise<readonly FoundBackup[]> {
  return explained(async () => {
    const files = await openFolder(folder)
    const names = await listBackups(files)
    return Promise.all(names.map(async (name) => ({ name, manifest: await readManifest(files, name) })))
  })
}

/** Reads a whole backup and compares all of it with its digests; restores nothing. @throws AdminError */
export async function checkBackupIn(input: RestoreInput): Promise<RestoreResult> {
  return explained(async () => {
    const files = await openFolder(input.folder)
    const backup = await findBackup(files, input.name)
    return { name: backup.name, createdMs: backup.manifest.createdMs, ...(await checkBackup(files, backup, input)) }
  })
}

async function explained<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    throw backupError(error) ?? error
  }
}

/**
 * Restores a backup into an empty data folder, or the empty database and blob store that the settings name, and opens
 * the result once, so that keys which do not fit are found now.
 *
 * Cut off, it leaves a mark that keeps servers from starting on half of it, and goes on when it is called again.
 *
 * @throws AdminError, ConfigError, KeyManagementError, and errors of adapters
 */
export async function restoreBackup(
  env: Readonly<Record<string, string | undefined>>,
  input: RestoreInput,
): Promise<RestoreResult> {
  const config = loadConfig(env)
  return explained(() => restore(config, input))
}

async function restore(config: Config, input: RestoreInput): Promise<RestoreResult> {
  const files = await openFolder(input.folder)
  const backup = await findBackup(files, input.name)
  if (backup.manifest.schemaVersion > (MIGRATIONS.at(-1)?.version ?? 0)) throw newer()
  await begin(config)
  await restoreKeyFile(config, files, backup, input.keyFile)
  const resources = opened()
  try {
    const foundation = basics({ logLevel: 'silent' })
    // Opened first: a key service that does not answer ends it before anything is copied.
    const keys = boundedKeys(await openKeys(config.kms, foundation.clock))
    resources.push(() => keys.close())
    await keys.check()
    const objects = await openStore(config.blobs)
    resources.push(() => objects.close())
    const stored = await restoreStore({ folder: files, objects }, backup, input)
    const { database } = await openDatabase(config, resources, foundation.logger)
    await requireEmpty(database)
    await migrate(
      database,
      MIGRATIONS.filter(({ version }) => version <= backup.manifest.schemaVersion),
    )
    const rows = await restoreTables({ database, folder: files }, backup, input)
    await migrate(database)
    await openServices(config, resources, { ...foundation, database })
    await rm(restoreMark(config.dataDir), { force: true })
    return { name: backup.name, createdMs: backup.manifest.createdMs, ...stored, rows }
  } finally {
    await resources.closeAll()
  }
}

async function openFolder(folder: string): Promise<BackupFolder> {
  const { openBackupFolder } = await import('./adapters/backup/folder.ts')
  return openBackupFolder(path.resolve(folder))
}

/** Takes an empty data folder, or one that an earlier restore has left, and marks it. @throws BackupError `conflict` */
async function begin(config: Config): Promise<void> {
  await makeFolder(config.dataDir, 0o700)
  const mark = restoreMark(config.dataDir)
  const marked = await access(mark).then(
    () => true,
    () => false,
  )
  if (!marked && config.databaseUrl === null && (await readdir(config.dataDir)).some((name) => name !== 'lost+found')) {
    throw new BackupError('conflict', `The data folder ${config.dataDir} is not empty; name a new one.`)
  }
  await writeDurably(mark, Buffer.from(MARK))
  // What an earlier attempt has of a database is not whole; its blobs are, each by itself.
  if (config.databaseUrl === null) await rm(path.join(config.dataDir, 'postgres'), { recursive: true, force: true })
}

/** Tables of another version could not take the rows. @throws BackupError `conflict` */
async function requireEmpty(database: Database): Promise<void> {
  const found = await sql<{ found: boolean }>`SELECT to_regclass('migrations') IS NOT NULL AS found`.execute(database)
  if (found.rows[0]?.found !== true) return
  throw new BackupError('conflict', 'The database of DATABASE_URL has tables already; name an empty one.')
}

/** Puts the key file in its place, where keys are in a file. An existing one stays, if it is the same. */
async function restoreKeyFile(
  config: Config,
  files: BackupFolder,
  backup: FoundBackup,
  given: string | null,
): Promise<void> {
  if (config.kms.kind !== 'file') {
    if (given !== null) throw new ConfigError('KMS_URL names a key service, so that no key file is used')
    return
  }
  const { file } = config.kms
  const bytes =
    given === null
      ? await readBackupFile(files, backup, 'keyFile')
      : await readFile(given).catch((cause: unknown) => {
          throw new BackupError('not_found', `The key file ${given} cannot be read.`, { cause })
        })
  const there = await readFile(file).catch(() => null)
  if (bytes === null) {
    if (there !== null) return
    throw new BackupError('not_found', 'The backup was made without keys; name the copy of the key file by --keys.')
  }
  if (there?.equals(bytes) === true) return
  if (there !== null) throw new BackupError('conflict', `There is another key file at ${file}; move it away.`)
  await makeFolder(path.dirname(file), 0o700)
  await writeDurably(file, bytes)
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${file}.new-${randomBytes(4).toString('hex')}`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, file)
  const folder = await open(path.dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
