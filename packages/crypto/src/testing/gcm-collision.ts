import { createCipheriv } from 'node:crypto'
import type { Bytes } from '../encoding.ts'

/*
 * AES-GCM commits to no key: for any two keys there is a ciphertext that both accept. With one block C and no
 * additional data the tag is C·H² + len·H + E(J0), so both tags agree for
 *   C = (len·(H₁ + H₂) + E₁ + E₂) / (H₁² + H₂²).
 */
const REDUCTION = 0xe1n << 120n
const LENGTHS = 128n

/** A key and nonce of AES-256-GCM. */
export interface GcmKey {
  readonly key: Bytes
  readonly nonce: Bytes
}

/** A ciphertext of one block with its tag (32 bytes) that is authentic under both keys. */
export function collideKeys(first: GcmKey, second: GcmKey): Bytes {
  const [h1, h2] = [block(first, new Uint8Array(16)), block(second, new Uint8Array(16))]
  const [e1, e2] = [block(first, counter(first)), block(second, counter(second))]
  const numerator = multiply(LENGTHS, h1 ^ h2) ^ e1 ^ e2
  const c = multiply(numerator, inverse(multiply(h1, h1) ^ multiply(h2, h2)))
  const tag = multiply(c, multiply(h1, h1)) ^ multiply(LENGTHS, h1) ^ e1
  return Buffer.from(hex(c) + hex(tag), 'hex')
}

function block({ key }: GcmKey, input: Bytes): bigint {
  const cipher = createCipheriv('aes-256-ecb', key, null)
  return BigInt(`0x${cipher.update(input).toString('hex')}`)
}

function counter({ nonce }: GcmKey): Bytes {
  return Buffer.concat([nonce, Uint8Array.of(0, 0, 0, 1)])
}

/** Product in GCM's field, whose bits run from the left. */
function multiply(x: bigint, y: bigint): bigint {
  let product = 0n
  let shifted = x
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((y >> bit) & 1n) product ^= shifted
    shifted = shifted & 1n ? (shifted >> 1n) ^ REDUCTION : shifted >> 1n
  }
  return product
}

/** x^(2^128 − 2). */
function inverse(x: bigint): bigint {
  let result = 1n << 127n
  let square = x
  for (let i = 1; i < 128; i++) {
    square = multiply(square, square)
    result = multiply(result, square)
  }
  return result
}

function hex(value: bigint): string {
  return value.toString(16).padStart(32, '0')
}
