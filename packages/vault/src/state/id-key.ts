const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Key of an id in maps: its hexadecimal form, whose order is that of the bytes. */
export function idKey(id: Uint8Array): string {
  let key = ''
  for (let index = 0; index < id.length; index += 1) key += HEX[id[index] ?? 0]
  return key
}

/** Key of an account record in maps; sorts by type, then by key, because no type holds a NUL. */
export function recordKey(type: string, key: Uint8Array): string {
  return `${type}\0${idKey(key)}`
}
