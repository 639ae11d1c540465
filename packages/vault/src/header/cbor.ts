import { decode, encode } from 'cborg'
import type { VaultErrorCode } from './errors.ts'
import { VaultError } from './errors.ts'

/** What the log's CBOR may hold: no maps, tags or floats, so that no order of keys can be in question. */
export type CborValue = number | boolean | null | string | Uint8Array | readonly CborValue[]

/** Of the text that says what follows. */
const LONGEST_TEXT = 8

/** Deepest nesting of arrays. */
export const MAX_CBOR_DEPTH = 8

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
}

/** Encodes a value in deterministic CBOR (RFC 8949 §4.2); integers must be safe. */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value)
}

/**
 * Decodes canonical CBOR of the log's subset.
 *
 * @throws VaultError with `code` for anything that `encodeCbor` would not have written
 */
export function decodeCbor(bytes: Uint8Array, code: VaultErrorCode): CborValue {
  checkStructure(bytes, code)
  try {
    return decode(bytes, DECODE_OPTIONS) as CborValue // the structure check admits no other types
  } catch (cause) {
    throw new VaultError(code, 'cbor', { cause })
  }
}

/**
 * Walks the encoding without building anything: shortest heads, known types, bounded depth, no trailing bytes.
 * Reason: the decoder recurses, so that 1 MiB of nested arrays would exhaust the stack.
 */
function checkStructure(bytes: Uint8Array, code: VaultErrorCode): void {
  const pending = [1]
  let offset = 0
  while (pending.length > 0) {
    const left = pending[pending.length - 1] ?? 0
    if (left === 0) {
      pending.pop()
      continue
    }
    pending[pending.length - 1] = left - 1
    const head = readHead(bytes, offset)
    if (head === null) throw new VaultError(code, 'cbor')
    offset = head.end
    if (head.major === 2 || head.major === 3) offset += head.argument
    if (head.major === 4) pending.push(head.argument)
    if (offset > bytes.length || pending.length > MAX_CBOR_DEPTH + 1) throw new VaultError(code, 'cbor')
  }
  if (offset !== bytes.length) throw new VaultError(code, 'cbor')
}

/**
 * The items of an array that begins with a short text in ASCII and goes on with byte strings, canonical as `decodeCbor` wants them.
 * The byte strings are views of what is given, which large vaults are read from without a copy.
 *
 * @throws VaultError with `code`
 */
export function splitByteStrings(given: Uint8Array, code: VaultErrorCode): { text: string; items: Uint8Array[] } {
  // Reason: views of Node's Buffer are Buffers, whose `slice` does not copy.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.length)
  const wrong = (): VaultError => new VaultError(code, 'shape')
  const list = readHead(bytes, 0)
  const first = list?.major === 4 ? readHead(bytes, list.end) : null
  if (list === null || first?.major !== 3) throw wrong()
  let offset = first.end + first.argument
  if (first.argument > LONGEST_TEXT || offset > bytes.length) throw wrong()
  const text = String.fromCharCode(...bytes.subarray(first.end, offset))
  const items: Uint8Array[] = []
  for (let left = list.argument - 1; left > 0; left -= 1) {
    const item = readHead(bytes, offset)
    if (item?.major !== 2 || item.end + item.argument > bytes.length) throw wrong()
    offset = item.end + item.argument
    items.push(bytes.subarray(item.end, offset))
  }
  if (offset !== bytes.length) throw new VaultError(code, 'cbor')
  return { text, items }
}

const SHORTEST = [24, 0x100, 0x10000, 0x100000000]

function readHead(bytes: Uint8Array, offset: number): { major: number; argument: number; end: number } | null {
  const first = bytes[offset]
  if (first === undefined) return null
  const major = first >> 5
  const minor = first & 31
  if (major === 5 || major === 6) return null
  if (major === 7) return minor >= 20 && minor <= 22 ? { major, argument: 0, end: offset + 1 } : null
  if (minor < 24) return { major, argument: minor, end: offset + 1 }
  const shortest = SHORTEST[minor - 24]
  if (shortest === undefined) return null
  const end = offset + 1 + 2 ** (minor - 24)
  if (end > bytes.length) return null
  let argument = 0
  for (let index = offset + 1; index < end; index += 1) argument = argument * 256 + (bytes[index] ?? 0)
  // Negative integers are -1 - argument, which must be safe too.
  if (argument < shortest || argument > Number.MAX_SAFE_INTEGER - (major === 1 ? 1 : 0)) return null
  return { major, argument, end }
}

/** Checks of decoded values' shapes; all of them throw VaultError with the code given once. */
export interface Shapes {
  /** An array of exactly `length` items. */
  tuple(value: CborValue | undefined, length: number): readonly CborValue[]
  /** An array of at most `max` items; more are `limits_exceeded`. */
  list(value: CborValue | undefined, max: number): readonly CborValue[]
  bytes(value: CborValue | undefined, min: number, max?: number): Uint8Array
  uint(value: CborValue | undefined, max?: number): number
  int(value: CborValue | undefined): number
  text(value: CborValue | undefined, pattern: RegExp): string
}

/** Makes the shape checks that throw `code`. */
export function shapes(code: VaultErrorCode): Shapes {
  const array = (value: CborValue | undefined): readonly CborValue[] => {
    if (!Array.isArray(value)) throw new VaultError(code, 'shape')
    return value
  }
  const int = (value: CborValue | undefined): number => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new VaultError(code, 'shape')
    return value
  }
  return {
    tuple(value, length) {
      const items = array(value)
      if (items.length !== length) throw new VaultError(code, 'shape')
      return items
    },
    list(value, max) {
      const items = array(value)
      if (items.length > max) throw new VaultError('limits_exceeded', 'list')
      return items
    },
    bytes(value, min, max = min) {
      if (!(value instanceof Uint8Array) || value.length < min || value.length > max)
        throw new VaultError(code, 'shape')
      return value
    },
    uint(value, max = Number.MAX_SAFE_INTEGER) {
      const number = int(value)
      if (number < 0 || number > max) throw new VaultError(code, 'shape')
      return number
    },
    int,
    text(value, pattern) {
      if (typeof value !== 'string' || !pattern.test(value)) throw new VaultError(code, 'shape')
      return value
    },
  }
}
