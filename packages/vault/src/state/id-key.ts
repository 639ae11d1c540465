const DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/**
 * Key of an id in maps: its hexadecimal form, whose order is that of the bytes.
 *
 * Reason for the character codes: a string put together piece by piece costs four times as much, and large vaults are
 * read through millions of these.
 */
export function idKey(id: Uint8Array): string {
  const codes: number[] = []
  for (let index = 0; index < id.length; index += 1) {
    const byte = id[index] ?? 0
    codes.push(DIGITS[byte >> 4] ?? 0, DIGITS[byte & 15] ?? 0)
  }
  return String.fromCharCode(...codes)
}

/** Keys of ids of 16 bytes that lie one after the other, each of 32 characters. */
export function idKeys(ids: Uint8Array): string {
  const digits = new Uint8Array(ids.length * 2)
  for (let index = 0; index < ids.length; index += 1) {
    const byte = ids[index] ?? 0
    digits[index * 2] = DIGITS[byte >> 4] ?? 0
    digits[index * 2 + 1] = DIGITS[byte & 15] ?? 0
  }
  return new TextDecoder().decode(digits)
}

/** Key of an account record in maps; sorts by type, then by key, because no type holds a NUL. */
export function recordKey(type: string, key: Uint8Array): string {
  return `${type}\0${idKey(key)}`
}
