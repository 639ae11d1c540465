import { isName } from '@strongroom/vault'
import { ClientError } from '../errors.ts'

/**
 * Names of an absolute path; `/` has none. A trailing slash and repeated ones are forgiven.
 *
 * @throws ClientError `usage` for relative paths and impossible names
 */
export function parsePath(path: string): string[] {
  if (!path.startsWith('/')) throw new ClientError('usage', 'Remote paths are absolute: they start with a slash.')
  const names = path.split('/').filter((name) => name !== '')
  for (const name of names) {
    if (!isName(name)) {
      throw new ClientError(
        'usage',
        'A name in the path is not possible: 1 to 255 bytes, not "." or "..", without NUL.',
      )
    }
  }
  return names
}

/** Path of names. */
export function formatPath(names: readonly string[]): string {
  return `/${names.join('/')}`
}

const MOST_BYTES = 255
/** Longest ending that counts as an extension, in bytes, with the dot; a longer one is cut like the rest of a name. */
const EXTENSION_BYTES = 32

/**
 * Name for a second file beside `name`: "photo (2).jpg".
 *
 * Invariant: names of different numbers differ, and have at most 255 bytes.
 */
export function numberedName(name: string, number: number): string {
  const dot = name.lastIndexOf('.')
  const hasExtension = dot > 0 && byteLength(name.slice(dot)) <= EXTENSION_BYTES
  const [stem, extension] = hasExtension ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  const ending = ` (${number})${extension}`
  const short = [...stem]
  while (byteLength(short.join('') + ending) > MOST_BYTES) short.pop()
  return short.join('') + ending
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
