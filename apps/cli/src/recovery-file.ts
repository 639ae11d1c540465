import { type FileHandle, open, unlink } from 'node:fs/promises'
import { EXIT } from './exit-codes.ts'
import { CliError, UsageError } from './failure.ts'
import { quoted } from './output.ts'
import { systemErrorText } from './system-errors.ts'

/** A file, made before a secret is, that takes it before it counts. */
export interface SecretFile {
  readonly path: string
  /** Writes the secret as a line and returns once it is on the disk. */
  write(secret: string): Promise<void>
  /** Whether it was written. */
  readonly written: boolean
  close(): Promise<void>
  /** Takes the file away again: the secret surely does not count. */
  discard(): Promise<void>
}

/** For the recovery key. */
export type RecoveryFile = SecretFile

/**
 * Creates the file for the recovery key, readable by its owner only (0600). Whatever exists is never overwritten.
 *
 * @throws UsageError for no name or "-"; CliError `conflict` when it exists, `failed` when it cannot be made
 */
export async function createRecoveryFile(path: string): Promise<RecoveryFile> {
  if (path === '' || path === '-') {
    throw new UsageError('The recovery key goes to a file, never to stdout: --recovery-file FILE.')
  }
  return await createSecretFile(path, 'recovery file')
}

/** The same for the backup codes of the second factor. */
export async function createBackupCodesFile(path: string): Promise<SecretFile> {
  if (path === '' || path === '-') throw new UsageError('Name a file for the backup codes: --backup-file FILE.')
  return await createSecretFile(path, 'file for the backup codes')
}

async function createSecretFile(path: string, what: string): Promise<SecretFile> {
  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new CliError(EXIT.conflict, `${quoted(path)} exists and is never overwritten; name another ${what}.`, {
        cause,
      })
    }
    throw new CliError(EXIT.failed, `Cannot make the ${what} ${quoted(path)}: ${systemErrorText(cause)}.`, {
      cause,
    })
  }
  // Reason: a umask can only take bits away, but a folder's default ACL may add some.
  await handle.chmod(0o600)
  let written = false
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await handle.close()
  }
  return {
    path,
    get written() {
      return written
    },
    async write(secret) {
      await handle.writeFile(`${secret}\n`, 'utf8')
      await handle.sync()
      written = true
    },
    close,
    async discard() {
      await close()
      await unlink(path)
    },
  }
}
