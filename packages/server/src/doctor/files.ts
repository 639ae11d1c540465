import { stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../config.ts'
import { restoreMark } from '../data-folder.ts'
import type { Notes } from './check.ts'

const GIB = 2 ** 30
const LITTLE = 5 * GIB
const FULL = GIB

/** The data folder, the key file and the room on their disks. */
export async function checkFiles(config: Config, notes: Notes): Promise<void> {
  const data = await stat(config.dataDir).catch(() => null)
  const usesData = config.databaseUrl === null || config.blobs.kind === 'file' || config.kms.kind === 'file'
  if (data === null) {
    if (usesData)
      notes.warn(
        'files.data',
        `${config.dataDir} is not there`,
        'the first start makes it; or name it by STRONGROOM_DATA',
      )
  } else if ((data.mode & 0o077) !== 0) {
    notes.warn('files.data', `${config.dataDir} can be entered by others`, `run: chmod 700 ${config.dataDir}`)
  } else notes.ok('files.data', `${config.dataDir} belongs to its owner alone`)
  if ((await stat(restoreMark(config.dataDir)).catch(() => null)) !== null) {
    notes.fail('files.restore', 'a restore was not finished', 'run "strongroom admin restore" again')
  }
  if (config.kms.kind === 'file') await checkKeyFile(config, config.kms.file, notes)
  if (config.databaseUrl === null) await checkRoom('files.room', config.dataDir, notes)
  if (config.blobs.kind === 'file') await checkRoom('files.blob-room', config.blobs.folder, notes)
}

async function checkKeyFile(config: Config, file: string, notes: Notes): Promise<void> {
  const found = await stat(file).catch(() => null)
  const backup = `copy it to another place (${file}), again whenever "admin kms" made a key: without it nothing opens, for ever`
  if (found === null) {
    return notes.warn('files.keys', `there is no key file at ${file}`, `the first start makes it; then ${backup}`)
  }
  if ((found.mode & 0o077) !== 0) {
    return notes.fail('files.keys', 'the key file can be read by others', `run: chmod 600 ${file}`)
  }
  const beside = await stat(config.blobs.kind === 'file' ? config.blobs.folder : config.dataDir).catch(() => null)
  const isOnSameDisk = beside !== null && beside.dev === found.dev
  if (isOnSameDisk) notes.warn('files.keys', 'the key file lies on the same disk as what it opens', backup)
  else notes.ok('files.keys', 'the key file belongs to its owner alone, on another disk than the blobs')
}

async function checkRoom(name: string, folder: string, notes: Notes): Promise<void> {
  let at = folder
  for (;;) {
    const room = await statfs(at).catch(() => null)
    if (room === null && path.dirname(at) !== at) {
      at = path.dirname(at)
      continue
    }
    if (room === null) return
    const free = room.bavail * room.bsize
    const text = `${(free / GIB).toFixed(1)} GiB free for ${folder}`
    if (free < FULL) notes.fail(name, text, 'make room: uploads are refused when the disk is full')
    else if (free < LITTLE) notes.warn(name, text, 'make room before it is needed')
    else notes.ok(name, text)
    return
  }
}

/** What must not be lost, wherever it lies: said always, because nobody can see from here whether it is done. */
export function checkBackups(config: Config, notes: Notes): void {
  const keys = {
    file: 'the key file',
    aws: 'the KMS key (never scheduled for deletion)',
    pkcs11: 'the token and its backup',
  }[config.kms.kind]
  const setup = config.blobs.kind === 's3' ? 'named/opaque-setup in the bucket' : 'the folder "named" of the blobs'
  const database = config.databaseUrl === null ? 'the embedded database' : 'the database of DATABASE_URL'
  const blobs = config.blobs.kind === 's3' ? 'the bucket' : 'the folder of the blobs'
  notes.ok('backups', `not to be lost: ${keys}, ${setup}, ${database}, ${blobs}; see docs/backup.md`)
}
