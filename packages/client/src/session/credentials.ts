import { isUnassigned, LIMITS } from '@strongroom/protocol'
import { ClientError } from '../errors.ts'

/** Longest password that is taken, in UTF-16 units: a bound for the stretching, far above any password. */
const PASSWORD_LENGTH = 4096

/**
 * Password in the form that is stretched: RFC 8265 OpaqueString (other spaces become U+0020, then NFC), never trimmed
 * or cut. Refused are control characters, invisible ones, private ones, surrogates, old jamo and whatever Unicode 15.0
 * does not know, because another device could normalise them differently.
 *
 * @throws ClientError `usage`
 */
export function normalisePassword(password: string): string {
  const normal = password.replace(/\p{Zs}/gu, ' ').normalize('NFC')
  if (normal === '') throw new ClientError('usage', 'The password is empty.')
  if (normal.length > PASSWORD_LENGTH) throw new ClientError('usage', 'The password is longer than 4,096 characters.')
  if (/[\p{Cc}\p{Cs}\p{Co}\p{Default_Ignorable_Code_Point}\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/u.test(normal)) {
    throw new ClientError('usage', 'The password holds a character that cannot be typed the same way everywhere.')
  }
  refuseUnassigned(password, 'password')
  return normal
}

/**
 * Login name in its one form: NFKC, trimmed, lower case without locale.
 *
 * @throws ClientError `usage`
 */
export function normaliseLogin(login: string): string {
  const normal = login.normalize('NFKC').trim().toLowerCase()
  if (normal === '' || login.length > LIMITS.loginLength) {
    throw new ClientError('usage', `A login name has 1 to ${LIMITS.loginLength} characters.`)
  }
  if (/[\p{Cc}\p{Cs}]/u.test(normal)) throw new ClientError('usage', 'The login name holds a control character.')
  refuseUnassigned(login, 'login name')
  return normal
}

function refuseUnassigned(text: string, what: string): void {
  for (const character of text) {
    if (isUnassigned(character.codePointAt(0) ?? 0)) {
      throw new ClientError('usage', `The ${what} holds a character that is newer than Unicode 15.0.`)
    }
  }
}
