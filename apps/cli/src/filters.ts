import { ClientError, globSource } from '@strongroom/client'
import { UsageError } from './failure.ts'

/** Decides by a path relative to the tree's top (`a/b.txt`) whether it takes part. */
export interface PathFilter {
  /** Whether a file or symlink takes part. */
  includes(path: string): boolean
  /** Whether a whole folder is left out, so that nobody needs to look inside. */
  excludesFolder(path: string): boolean
}

/**
 * Filter from `--include` and `--exclude` globs. A file takes part when an include matches (or none is given) and no
 * exclude does, neither on it nor on a folder above it. A glob without a slash matches the last name at any depth; one
 * with a slash matches the path from the top. `*` and `?` stop at slashes, `**` does not; `[a-z]`, `[!a]`, `{a,b}`.
 *
 * @throws UsageError for a glob that is not closed
 */
export function pathFilter(include: readonly string[], exclude: readonly string[]): PathFilter {
  const included = include.map(globMatcher)
  const excluded = exclude.map(globMatcher)
  const isExcluded = (path: string): boolean => excluded.some((matches) => matches(path))
  return {
    includes(path) {
      const prefixes = pathPrefixes(path)
      if (prefixes.some(isExcluded)) return false
      return included.length === 0 || prefixes.some((prefix) => included.some((matches) => matches(prefix)))
    },
    excludesFolder: (path) => pathPrefixes(path).some(isExcluded),
  }
}

/** `a`, `a/b`, `a/b/c` for `a/b/c`. */
function pathPrefixes(path: string): string[] {
  const parts = path.split('/')
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'))
}

function globMatcher(glob: string): (path: string) => boolean {
  const body = glob.replace(/^\/+/, '').replace(/\/+$/, '')
  if (body === '') throw new UsageError('A pattern of --include or --exclude is empty.')
  const anchored = glob.startsWith('/') || body.includes('/')
  const expression = new RegExp(`^(?:${sourceOf(body)})$`, 'us')
  return (path) => expression.test(anchored ? path : path.slice(path.lastIndexOf('/') + 1))
}

function sourceOf(glob: string): string {
  try {
    return globSource(glob)
  } catch (cause) {
    if (cause instanceof ClientError) throw new UsageError(cause.message, { cause })
    throw cause
  }
}
