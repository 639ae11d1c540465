import { UsageError } from './failure.ts'
import { terminalText } from './terminal-text.ts'

const NAME_BYTES = 255

/**
 * A remote path in its one form: absolute, without empty parts and without a slash at its end (but for `/`).
 *
 * @throws UsageError when it is not absolute, or has a name that no file can have
 */
export function parseRemotePath(text: string): string {
  if (!text.startsWith('/')) {
    throw new UsageError(`Remote paths start with "/"; try "/${terminalText(text)}".`)
  }
  const parts = text.split('/').filter((part) => part !== '')
  for (const part of parts) checkRemoteName(part)
  return `/${parts.join('/')}`
}

/** Whether the user wrote the path as that of a folder. */
export function namesFolder(text: string): boolean {
  return text.endsWith('/')
}

/**
 * Refuses what cannot be the name of a file: `.`, `..`, NUL, half a surrogate pair, more than 255 bytes.
 *
 * @throws UsageError
 */
export function checkRemoteName(name: string): void {
  if (name === '.' || name === '..') throw new UsageError('Remote paths must not hold "." or ".."; write them in full.')
  if (name.includes('\0') || /\p{Surrogate}/u.test(name))
    throw new UsageError('The remote path holds a name that is not valid text.')
  if (new TextEncoder().encode(name).length > NAME_BYTES) {
    throw new UsageError(`A name in the remote path is longer than ${NAME_BYTES} bytes; shorten it.`)
  }
}

/** Path of a child: `/` and `a` give `/a`. */
export function joinRemote(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`
}

/** Last name of a path; empty for `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Folder that holds a path; `/` holds itself. */
export function parentOf(path: string): string {
  const end = path.lastIndexOf('/')
  return end <= 0 ? '/' : path.slice(0, end)
}
