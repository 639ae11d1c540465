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

/** Name for a second file beside `name`: "photo (2).jpg"; kept within 255 bytes. */
export function numberedName(name: string, number: number): string {
  const dot = name.lastIndexOf('.')
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, '']
  return fitName(stem, ` (${number})${extension}`)
}

function fitName(stem: string, ending: string): string {
  let short = [...stem]
  while (new TextEncoder().encode(short.join('') + ending).length > 255 && short.length > 1) short = short.slice(0, -1)
  const name = short.join('') + ending
  return isName(name) ? name : short.join('').slice(0, 40)
}
