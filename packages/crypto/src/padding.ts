import type { Bytes } from './encoding.ts'
import { isZero, readU32, u32 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { padme } from './sizes.ts'

const LENGTH_WORD = 4
const MIN_PADDED_OBJECT = 256

/** Pads an object that will be sealed: `u32 length ‖ bytes ‖ zeros` to max(256, Padmé). */
export function padObject(bytes: Bytes): Bytes {
  const padded = new Uint8Array(paddedObjectLength(bytes.length))
  padded.set(u32(bytes.length))
  padded.set(bytes, LENGTH_WORD)
  return padded
}

/**
 * Takes the padding off; the result is a view of the argument.
 *
 * @throws CryptoError `malformed` unless the bytes are exactly what {@link padObject} makes
 */
export function unpadObject(padded: Bytes): Bytes {
  const length = readU32(padded)
  if (LENGTH_WORD + length > padded.length || padded.length !== paddedObjectLength(length)) {
    throw new CryptoError('malformed')
  }
  if (!isZero(padded.subarray(LENGTH_WORD + length))) throw new CryptoError('malformed')
  return padded.subarray(LENGTH_WORD, LENGTH_WORD + length)
}

function paddedObjectLength(length: number): number {
  return Math.max(MIN_PADDED_OBJECT, padme(LENGTH_WORD + length))
}
