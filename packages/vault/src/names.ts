import { VaultError } from './header/errors.ts'

/** Longest name of a node in bytes of UTF-8. */
export const MAX_NAME_LENGTH = 255

/** Most bytes of UTF-8 for a UTF-16 unit. */
const UNIT_LENGTH = 3
const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes of a text; for well-formed texts the inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Text of bytes, or null when they are not UTF-8; a byte order mark is kept, so that the mapping is one to one. */
export function decodeText(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

/** Whether a text holds no lone surrogates, and so has one UTF-8 form. */
export function isWellFormed(text: string): boolean {
  // Reason for looking twice: most texts hold no surrogate at all, which is found out at once.
  return !/[\uD800-\uDFFF]/.test(text) || !LONE_SURROGATE.test(text)
}

/** Whether a text may name a node: 1–255 bytes of UTF-8, not `.` or `..`, without `/` and NUL. */
export function isName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.length > MAX_NAME_LENGTH) return false
  if (name.includes('/') || name.includes('\0') || !isWellFormed(name)) return false
  return name.length * UNIT_LENGTH <= MAX_NAME_LENGTH || encodeText(name).length <= MAX_NAME_LENGTH
}

/**
 * Checks a name, given as text or as UTF-8, and returns it as text.
 *
 * @throws VaultError `name_invalid`
 */
export function checkName(name: string | Uint8Array): string {
  const text = typeof name === 'string' ? name : decodeText(name)
  if (text === null || !isName(text)) throw new VaultError('name_invalid')
  return text
}

/**
 * Key under which two names collide although their bytes differ: the NFC form. Only the committing client and whoever
 * writes to disk look at it; it depends on the runtime's Unicode version, so that the reducer must not.
 */
export function nameCollisionKey(name: string): string {
  return name.normalize('NFC')
}
