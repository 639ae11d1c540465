import { failureText, TEXT } from './strings.ts'

const MOST_BYTES = 255

/** A name as it was meant: nobody means the blanks around what they type. */
export function typedName(text: string): string {
  return text.trim()
}

/** Why an entry cannot be given a name, as a sentence; null where it can. */
export function nameFault(name: string): string | null {
  if (name === '') return TEXT.rename.empty
  if (name === '.' || name === '..') return TEXT.rename.dots
  if (name.includes('/')) return TEXT.rename.slash
  if (name.includes('\0')) return failureText({ code: 'usage' })
  return new TextEncoder().encode(name).length > MOST_BYTES ? TEXT.rename.long : null
}
