import { observable } from './observable.ts'

/** What is looked for, as it is typed. */
export const searchText = observable('')

interface TextPart {
  readonly part: string
  readonly isMatch: boolean
  /** Where it begins. */
  readonly at: number
}

/** Cuts a text into what matches a search and what does not; case does not matter. */
export function matchesIn(text: string, wanted: string): TextPart[] {
  const [folded, term] = [text.toLowerCase(), wanted.trim().toLowerCase()]
  // Some letters grow when folded: places would not fit then.
  if (term === '' || folded.length !== text.length) return [{ part: text, isMatch: false, at: 0 }]
  const parts: TextPart[] = []
  let at = 0
  for (let found = folded.indexOf(term); found >= 0; found = folded.indexOf(term, at)) {
    if (found > at) parts.push({ part: text.slice(at, found), isMatch: false, at })
    parts.push({ part: text.slice(found, found + term.length), isMatch: true, at: found })
    at = found + term.length
  }
  if (at < text.length) parts.push({ part: text.slice(at), isMatch: false, at })
  return parts
}
