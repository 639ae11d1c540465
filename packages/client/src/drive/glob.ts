import { ClientError } from '../errors.ts'

/**
 * Source of a regular expression for a whole path: `*` and `?` stop at slashes, `**` does not; `[a-z]`, `[!a]`, `{a,b}`.
 *
 * @throws ClientError `usage` for a glob that is not closed
 */
export function globSource(glob: string): string {
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
  if (depth > 0) throw new ClientError('usage', `The pattern lacks a closing "}".`)
  return source
}

function classEnd(characters: readonly string[], start: number): number {
  const negated = characters[start + 1] === '!' || characters[start + 1] === '^'
  const end = characters.indexOf(']', start + (negated ? 3 : 2))
  if (end < 0) throw new ClientError('usage', 'The pattern lacks a closing "]"; write "\\[" for the character itself.')
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
      if (from > to) throw new ClientError('usage', 'A range in the pattern runs backwards.')
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
