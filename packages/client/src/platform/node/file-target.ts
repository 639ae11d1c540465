import type { Stats } from 'node:fs'
import { basename } from 'node:path'
import { ClientError } from '../../errors.ts'
import type { SinkMeta } from '../../ports.ts'

/**
 * Whether a file may come to stand at a path.
 *
 * @param stats - what stands there now, a link as such; null for nothing
 * @throws ClientError `is_a_folder`, `exists`
 */
export function checkTarget(target: string, stats: Stats | null, overwrite: boolean): void {
  if (basename(target) === '' || stats?.isDirectory()) {
    throw new ClientError('is_a_folder', 'The local target is a folder.')
  }
  if (stats === null) return
  if (!overwrite) throw targetExists()
  // Reason: renaming over a link replaces the link, not what it names; a device or socket is no place for a file.
  if (!stats.isFile() && !stats.isSymbolicLink()) throw targetExists()
}

export function targetExists(): ClientError {
  return new ClientError('exists', 'The local target exists.')
}

/** What the system says where it makes no second name for a file. */
export const NO_SECOND_NAMES = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'] as const

export function fileMode({ mode }: SinkMeta): number {
  return mode === undefined ? 0o666 & ~process.umask() : mode & 0o777
}

/**
 * Seconds for `utimes` that come back as the same milliseconds, at most one microsecond later. The double nearest to a
 * millisecond may lie just before it, and Node before 24 cuts towards zero to microseconds. As text, because Node takes a
 * negative number for the present.
 */
export function fileTime(mtimeMs: number): string {
  return String((mtimeMs + 0.000_4) / 1000)
}
