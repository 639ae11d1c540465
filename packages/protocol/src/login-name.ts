import { isUnassigned } from './unassigned.ts'

/**
 * The one form of a login name that counts: NFKC, trimmed, lower case without locale. Client and server use this
 * function, and it is frozen: a change would lock people out.
 *
 * @returns null for a name that is empty then, or holds control characters, lone surrogates or code points that
 *   Unicode 15.0 does not assign (their normal form would depend on the runtime)
 */
export function normaliseLogin(login: string): string | null {
  for (const character of login) if (isUnassigned(character.codePointAt(0) ?? 0)) return null
  const normalised = login.normalize('NFKC').trim().toLowerCase()
  return normalised === '' || /[\p{Cc}\p{Cs}]/u.test(normalised) ? null : normalised
}
