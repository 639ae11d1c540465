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
  const expression = new RegExp(`^(?:${globSource(body)})$`, 'us')
  return (path) => expression.test(anchored ? path : path.slice(path.lastIndexOf('/') + 1))
}

function globSource(glob: string): string {
  const characters = [...glob]
  let source = ''
  let depth = 0
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] as string // index < length
    if (character === '*') {
      if (characters[index + 1] !== '*') source += '[^/]*'
      else {
        index += 1
        if (characters[index + 1] === '/') {
          index += 1
          source += '(?:.*/)?'
        } else source += '.*'
      }
    } else if (character === '?') source += '[^/]'
    else if (character === '[') {
      const end = classEnd(characters, index)
      source += classSource(characters.slice(index + 1, end))
      index = end
    } else if (character === '{') {
      depth += 1
      source += '(?:'
    } else if (character === '}' && depth > 0) {
      depth -= 1
      source += ')'
    } else if (character === ',' && depth > 0) source += '|'
    else if (character === '\\' && index + 1 < characters.length) {
      index += 1
      source += literal(characters[index] as string) // index < length, checked above
    } else source += literal(character)
  }
  if (depth > 0) throw new UsageError(`The pattern lacks a closing "}".`)
  return source
}

function classEnd(characters: readonly string[], start: number): number {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^'
  const end = characters.indexOf(']', start + (negated ? 3 : 2))
  if (end < 0) throw new UsageError('The pattern lacks a closing "]"; write "\\[" for the character itself.')
  return end
}

function classSource(characters: readonly string[]): string {
  const negated = characters[0] === '!' || characters[0] === '^'
  const body = characters.slice(negated ? 1 : 0)
  let source = ''
  for (let index = 0; index < body.length; index += 1) {
    const from = body[index] as string // index < length
    const to = body[index + 2]
    if (body[index + 1] === '-' && to !== undefined) {
      if (from > to) throw new UsageError('A range in the pattern runs backwards.')
      source += `${classLiteral(from)}-${classLiteral(to)}`
      index += 2
    } else source += classLiteral(from)
  }
  return negated ? `[^/${source}]` : `(?!/)[${source}]`
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character
}

function classLiteral(character: string): string {
  return /[\\\]^[-]/.test(character) ? `\\${character}` : character
}
