import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { SinkMeta } from '../../ports.ts'
import { checkTarget, fileMode, fileTime, NO_SECOND_NAMES, targetExists } from './file-target.ts'
import { isCode } from './local-io.ts'

export interface WholeFile {
  /** Beside the target; must not be there. */
  readonly temporary: string
  readonly target: string
  readonly meta: SinkMeta
  readonly overwrite: boolean
}

/**
 * Writes a file under a temporary name and gives it its own, by calls that wait. Leaves nothing behind when it throws.
 *
 * @throws ClientError `is_a_folder`, `exists`; the system's error
 */
export function writeWhole({ temporary, target, meta, overwrite }: WholeFile, bytes: Uint8Array): void {
  const file = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  try {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, done)
      fchmodSync(file, fileMode(meta))
      const time = fileTime(meta.mtimeMs)
      futimesSync(file, time, time)
    } finally {
      closeSync(file)
    }
    checkTarget(target, lstatSync(target, { throwIfNoEntry: false }) ?? null, overwrite)
    if (overwrite || !linked(temporary, target)) renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Moves a file to a name that nothing has; false where the file system cannot do that. */
function linked(temporary: string, target: string): boolean {
  try {
    // Reason: unlike rename, link never replaces what appeared under the name meanwhile.
    linkSync(temporary, target)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw targetExists()
    if (isCode(error, ...NO_SECOND_NAMES)) return false
    throw error
  }
  rmSync(temporary)
  return true
}
