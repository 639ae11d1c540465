import { ClientError, throwIfAborted } from '../errors.ts'
import type { DriveContext } from './context.ts'
import { globSource } from './glob.ts'
import { descendants, entryOf, needPath } from './lookup.ts'
import { fold, isIndexed, withName } from './name-index.ts'
import type { Entry, FindOptions } from './types.ts'

/**
 * Looks for names in the local index, without the network: what this device saw last. Only a device that has no index
 * yet fetches it first.
 *
 * @param pattern - a part of the name, or a glob for all of it (`*`, `?`, `[…]`, `{a,b}`); with a slash, for the path.
 *   Case does not matter.
 * @throws ClientError `not_found`, `usage`
 */
export async function findEntries(context: DriveContext, pattern: string, options: FindOptions = {}): Promise<Entry[]> {
  const { log } = context
  if (log.state.seq < 0) {
    await log.sync(options.signal)
    await log.flush()
  }
  const matches = nameMatcher(pattern)
  const { limit = Number.POSITIVE_INFINITY } = options
  const top = needPath(log.state, options.path ?? '/')
  const wanted = fold(pattern)
  const isPart = !isGlob(pattern) && !wanted.includes('/') && isIndexed(wanted)
  const candidates = isPart && top.names.length === 0 ? withName(log.state, wanted) : descendants(log.state, top)
  const found: Entry[] = []
  for (const each of candidates) {
    throwIfAborted(options.signal)
    const entry = entryOf(each)
    if (entry === null || !matches(entry) || !fits(entry, options)) continue
    found.push(entry)
    if (found.length >= limit) break
  }
  return found
}

function fits(entry: Entry, options: FindOptions): boolean {
  const { kind, minSize, maxSize, newerThanMs } = options
  if (kind !== undefined && entry.kind !== kind) return false
  const sized = minSize !== undefined || maxSize !== undefined
  if (sized && entry.kind !== 'file') return false
  if (minSize !== undefined && entry.size < minSize) return false
  if (maxSize !== undefined && entry.size > maxSize) return false
  return newerThanMs === undefined || entry.mtimeMs >= newerThanMs
}

/** Whether an entry has a name, or for patterns with a slash a path, that matches. */
export function nameMatcher(pattern: string): (entry: Pick<Entry, 'name' | 'path'>) => boolean {
  if (pattern === '') throw new ClientError('usage', 'The pattern is empty.')
  const wanted = fold(pattern)
  const subject = (entry: Pick<Entry, 'name' | 'path'>): string => fold(wanted.includes('/') ? entry.path : entry.name)
  if (!isGlob(pattern)) return (entry) => subject(entry).includes(wanted)
  const expression = new RegExp(`^(?:${globSource(wanted.includes('/') ? rooted(wanted) : wanted)})$`, 'us')
  return (entry) => expression.test(subject(entry))
}

// A glob with a slash that does not begin with one may begin at any folder.
function rooted(glob: string): string {
  return glob.startsWith('/') ? glob : `/**/${glob}`
}

function isGlob(pattern: string): boolean {
  return /[*?[{]/.test(pattern)
}
