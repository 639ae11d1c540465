/**
 * The one form of a login name that counts: NFKC, trimmed, lower case without locale. Client and server use this
 * function, and it is frozen: a change would lock people out.
 *
 * @returns null for a name that is empty afterwards or holds control characters, lone surrogates or code points
 *   that Unicode 15.0 does not assign (their normal form may change with the runtime)
 */
export function normaliseLogin(login: string): string | null {
  if (/[\p{Cc}\p{Cn}\p{Cs}]/u.test(login)) return null
  const normalised = login.normalize('NFKC').trim().toLowerCase()
  return normalised === '' ? null : normalised
}
