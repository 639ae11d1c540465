import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobAddress } from './blob-url.ts'
import type { Config } from './config.ts'
import type { ObjectStore } from './ports/index.ts'

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** File in a data folder into which a backup is being restored: what lies there is not whole. */
const RESTORING = 'restoring'

/** The mark of an unfinished restore; its text is for whoever finds it. */
export function restoreMark(dataDir: string): string {
  return join(dataDir, RESTORING)
}

/**
 * Refuses a data folder into which a restore was not finished.
 *
 * @throws Error with one line that says what to do
 */
export async function requireNoRestore(config: Config): Promise<void> {
  if (!(await exists(restoreMark(config.dataDir)))) return
  throw new Error('a restore into this data folder was not finished: run "strongroom admin restore" again')
}

/**
 * Refuses a data folder that has lost its embedded database: a new, empty one beside the old blobs would look like a
 * server that forgot everybody.
 *
 * @throws Error with one line that says what to do
 */
export async function requireDatabaseOfBlobs(
  config: Config,
  openStore: (address: BlobAddress) => Promise<ObjectStore>,
): Promise<void> {
  if (config.databaseUrl !== null || (await exists(join(config.dataDir, 'postgres', 'cluster')))) return
  // Reason: the setup is made only after the database, so it is never alone after a first start that was cut off.
  if (!(await hasSetup(config.blobs, openStore))) return
  throw new Error(
    config.blobs.kind === 'file'
      ? 'the data folder has blobs but no database: put its folder postgres back from the backup, set DATABASE_URL if ' +
          'the database is elsewhere, or move blobs away to begin anew'
      : 'the bucket of BLOB_URL has blobs of a server, but the data folder has no database: put its folder postgres back ' +
          'from the backup, set DATABASE_URL if the database is elsewhere, or name another prefix to begin anew',
  )
}

async function hasSetup(
  blobs: BlobAddress,
  openStore: (address: BlobAddress) => Promise<ObjectStore>,
): Promise<boolean> {
  if (blobs.kind === 'file') return exists(join(blobs.folder, 'named', 'opaque-setup'))
  const store = await openStore(blobs)
  try {
    return (await store.readNamed('opaque-setup')) !== null
  } finally {
    await store.close()
  }
}
