import type { BackupFolder } from '../../ports/index.ts'
import { BackupFolderError } from '../../ports/index.ts'
import { eachConcurrently } from '../concurrency.ts'
import { batches } from './backup.ts'
import { checked, type DumpedBlob, WrongBytes } from './blobs.ts'
import { BACKUPS, BackupError, blobFile } from './manifest.ts'
import { type FoundBackup, type Restored, type RestoreOptions, readBackupFile } from './restore.ts'
import { readLines } from './rows.ts'

const CONCURRENCY = 4

/**
 * Reads a whole backup and compares every file with its digest; nothing is restored.
 *
 * @throws BackupError `integrity` at the first file that differs
 */
export async function checkBackup(
  folder: BackupFolder,
  backup: FoundBackup,
  options: Pick<RestoreOptions, 'signal' | 'missing' | 'step'>,
): Promise<Restored> {
  const { name, manifest } = backup
  const prefix = `${BACKUPS}/${name}`
  for (const which of ['setup', 'keyFile'] as const) await readBackupFile(folder, backup, which)
  let rows = 0
  for (const table of Object.keys(manifest.tables)) {
    options.signal.throwIfAborted()
    for await (const _line of readLines(folder, { name, prefix, table, manifest })) rows += 1
    await options.step({ what: table, count: rows })
  }
  const known = new Set(manifest.missing)
  const counts = { blobs: 0, bytes: 0, missing: 0 }
  const damagedBlobs: string[] = []
  const checkOne = async (blob: DumpedBlob): Promise<void> => {
    options.signal.throwIfAborted()
    if (known.has(blob.id) && blob.state === 'condemned') return
    if (!known.has(blob.id) && (await isWhole(folder, blob))) {
      counts.blobs += 1
      counts.bytes += blob.length
      return
    }
    counts.missing += 1
    if (!known.has(blob.id)) damagedBlobs.push(blob.id)
    await options.missing(blob.id)
  }
  for await (const batch of batches(readLines(folder, { name, prefix, table: 'blobs', manifest }))) {
    await eachConcurrently(batch, CONCURRENCY, checkOne)
    await options.step({ what: 'objects', count: counts.blobs })
  }
  if (damagedBlobs.length === 0) return { ...counts, rows }
  throw new BackupError(
    'integrity',
    `The backup "${name}" is damaged: ${damagedBlobs.length} of its blobs are gone, or not those that were written; run "admin backup" into a new folder.`,
  )
}

async function isWhole(folder: BackupFolder, blob: DumpedBlob): Promise<boolean> {
  try {
    for await (const _chunk of checked(blob, folder.stream(blobFile(blob.id)))) {
      // Comparing is all that is wanted.
    }
    return true
  } catch (error) {
    if (error instanceof WrongBytes) return false
    if (error instanceof BackupFolderError && error.code === 'not_found') return false
    throw error
  }
}
