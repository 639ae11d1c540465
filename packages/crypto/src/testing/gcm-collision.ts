import { createCipheriv } from 'node:crypto'
import type { Bytes } from '../encoding.ts'

/*
 * AES-GCM commits to no key: for any two keys there is a ciphertext that both accept. A tag is G(H) + E(J0), where the
 * polynomial G holds the first of m ciphertext blocks, C, as C·H^(m+1). Both tags agree for
 *   C = (G₁ + G₂ + E₁ + E₂) / (H₁^(m+1) + H₂^(m+1)), with G₁ and G₂ taken without C.
 */
const REDUCTION = 0xe1n << 120n

/** A key and nonce of AES-256-GCM. */
export interface GcmKey {
  readonly key: Bytes
  readonly nonce: Bytes
}

export interface CollisionOptions {
  readonly aad?: Bytes
  /** All blocks of the ciphertext but the first, which is computed; none unless told. */
  readonly rest?: Bytes
}

/** A ciphertext with its tag (16 bytes) that is authentic under both keys. */
export function collideKeys(first: GcmKey, second: GcmKey, options: CollisionOptions = {}): Bytes {
  const { aad = new Uint8Array(0), rest = new Uint8Array(0) } = options
  const count = 1 + rest.length / 16
  const [h1, h2] = [block(first, new Uint8Array(16)), block(second, new Uint8Array(16))]
  const [e1, e2] = [block(first, counter(first)), block(second, counter(second))]
  const lengths = (BigInt(aad.length * 8) << 64n) | BigInt(count * 128)
  const hash = (h: bigint, c: bigint): bigint =>
    [...blocks(aad), c, ...blocks(rest), lengths].reduce((sum, each) => multiply(sum ^ each, h), 0n)
  const numerator = hash(h1, 0n) ^ hash(h2, 0n) ^ e1 ^ e2
  const c = multiply(numerator, inverse(power(h1, count + 1) ^ power(h2, count + 1)))
  return Buffer.concat([Buffer.from(hex(c), 'hex'), rest, Buffer.from(hex(hash(h1, c) ^ e1), 'hex')])
}

/** Blocks of 16 bytes, the last filled with zeros. */
function blocks(bytes: Bytes): bigint[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, index) => {
    const padded = Buffer.alloc(16)
    padded.set(bytes.subarray(index * 16, index * 16 + 16))
    return BigInt(`0x${padded.toString('hex')}`)
  })
}

function power(x: bigint, exponent: number): bigint {
  return exponent === 1 ? x : multiply(x, power(x, exponent - 1))
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
