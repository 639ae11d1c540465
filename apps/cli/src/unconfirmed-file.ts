import { link, lstat, unlink } from 'node:fs/promises'
import { EXIT } from './exit-codes.ts'
import { CliError, UsageError } from './failure.ts'
import { quoted } from './output.ts'
import { createRecoveryFile } from './recovery-file.ts'
import { isSystemError, systemErrorText } from './system-errors.ts'

/**
 * A file for a recovery key that takes the place of another one.
 *
 * Invariant: the key stands under `FILE.unconfirmed` until the server has said that it counts, and only then under FILE.
 * Whatever dies in between, a file never passes off a key that may not count.
 */
export interface UnconfirmedFile {
  /** Where the key is until it is confirmed. */
  readonly unconfirmedPath: string
  readonly path: string
  write(recoveryKey: string): Promise<void>
  /** The key counts: gives the file its name. */
  confirm(): Promise<void>
  /** It is not known whether the key counts: leaves it under the other name. */
  keep(): Promise<void>
  /** The key does not count: takes it away. */
  discard(): Promise<void>
}

/**
 * Makes the file, readable by its owner only. Whatever exists is never overwritten.
 *
 * @throws CliError `conflict` when either name exists; UsageError
 */
export async function createUnconfirmedFile(path: string): Promise<UnconfirmedFile> {
  if (path === '' || path === '-') {
    throw new UsageError('The recovery key goes to a file, never to stdout: --recovery-file FILE.')
  }
  const unconfirmedPath = `${path}.unconfirmed`
  if (await exists(path)) {
    throw new CliError(EXIT.conflict, `${quoted(path)} exists and is never overwritten; name another recovery file.`)
  }
  if (await exists(unconfirmedPath)) {
    throw new CliError(
      EXIT.conflict,
      `${quoted(unconfirmedPath)} holds the key of an attempt that was cut off; see whether it counts with "strongroom recovery test --recovery-key-file", then move it away.`,
    )
  }
  const file = await createRecoveryFile(unconfirmedPath)
  return {
    path,
    unconfirmedPath,
    write: (key) => file.write(key),
    async confirm() {
      await file.close()
      try {
        // Reason: a rename would replace a file that appeared meanwhile; a link never does.
        await link(unconfirmedPath, path)
        await unlink(unconfirmedPath)
      } catch (cause) {
        throw new CliError(
          EXIT.failed,
          `The new recovery key counts, but its file could not be named ${quoted(path)} (${systemErrorText(cause)}); it is ${quoted(unconfirmedPath)}.`,
          { cause },
        )
      }
    },
    keep: () => file.close(),
    discard: () => file.discard(),
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (isSystemError(error) && (error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
