import { CryptoError } from './errors.ts'

/** All byte strings of this package. */
export type Bytes = Uint8Array

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Joins byte strings into a new one. */
export function concat(...parts: readonly Bytes[]): Bytes {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/**
 * A copy of the bytes from `start` up to `end`, always a plain Uint8Array.
 *
 * Reason: `slice` of Node's Buffer, which is a Uint8Array too, gives a view of the same memory.
 */
export function copyOf(bytes: Bytes, start = 0, end = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(start, end))
}

/** UTF-8 bytes of a text. */
export function utf8(text: string): Bytes {
  return encoder.encode(text)
}

/**
 * Text of UTF-8 bytes; a byte order mark is kept.
 *
 * @throws CryptoError `malformed` on invalid UTF-8
 */
export function fromUtf8(bytes: Bytes): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new CryptoError('malformed', { cause })
  }
}

/** Lowercase hexadecimal. */
export function toHex(bytes: Bytes): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/**
 * Bytes of a hexadecimal text of either case.
 *
 * @throws CryptoError `malformed`
 */
export function fromHex(text: string): Bytes {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new CryptoError('malformed')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** A single byte, 0 … 255. */
export function u8(value: number): Bytes {
  checkUnsigned(value, 0xff)
  return Uint8Array.of(value)
}

/** Two bytes, big-endian. */
export function u16(value: number): Bytes {
  checkUnsigned(value, 0xffff)
  return Uint8Array.of(value >>> 8, value & 0xff)
}

/** Four bytes, big-endian. */
export function u32(value: number): Bytes {
  checkUnsigned(value, 0xffffffff)
  const bytes = new Uint8Array(4)
  view(bytes).setUint32(0, value)
  return bytes
}

/** Eight bytes, big-endian, for 0 … 2^53 − 1. */
export function u64(value: number): Bytes {
  checkUnsigned(value, Number.MAX_SAFE_INTEGER)
  const bytes = new Uint8Array(8)
  view(bytes).setBigUint64(0, BigInt(value))
  return bytes
}

/** Eight bytes, big-endian, two's complement, for safe integers. */
export function i64(value: number): Bytes {
  if (!Number.isSafeInteger(value)) throw new CryptoError('size_out_of_range')
  const bytes = new Uint8Array(8)
  view(bytes).setBigInt64(0, BigInt(value))
  return bytes
}

/** Reads four bytes; throws CryptoError `malformed` when they are not there. */
export function readU32(bytes: Bytes, offset = 0): number {
  checkAvailable(bytes, offset, 4)
  return view(bytes).getUint32(offset)
}

/** Reads eight bytes; throws CryptoError `malformed` when missing or above 2^53 − 1. */
export function readU64(bytes: Bytes, offset = 0): number {
  checkAvailable(bytes, offset, 8)
  return safe(view(bytes).getBigUint64(offset))
}

/** Reads eight bytes of two's complement; throws CryptoError `malformed` when missing or not a safe integer. */
export function readI64(bytes: Bytes, offset = 0): number {
  checkAvailable(bytes, offset, 8)
  return safe(view(bytes).getBigInt64(offset))
}

/** Whether two byte strings are the same, in time that depends on their lengths only. */
export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

/** Lexicographic order as a number below, equal to or above zero; not constant time. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Whether every byte is zero, in time that depends on the length only. */
export function isZero(bytes: Bytes): boolean {
  let seen = 0
  for (const byte of bytes) seen |= byte
  return seen === 0
}

function view(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function checkUnsigned(value: number, highest: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > highest) throw new CryptoError('size_out_of_range')
}

function checkAvailable(bytes: Bytes, offset: number, length: number): void {
  if (offset < 0 || offset + length > bytes.length) throw new CryptoError('malformed')
}

function safe(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new CryptoError('malformed')
  return number
}
