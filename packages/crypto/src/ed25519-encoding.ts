import type { Bytes } from './encoding.ts'

/*
 * [Note: Strict Ed25519]
 * Libraries disagree on signatures that no honest signer makes: keys and R of small order, and encodings that are not
 * canonical. A commit that passed the server but not a client, or one browser but not another, would stop a vault.
 * Both engines therefore apply these checks before asking their library, and refuse what any library might refuse.
 */
const FIELD_PRIME = 2n ** 255n - 19n
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const SIGN_BIT = 1n << 255n
const PUBLIC_KEY_LENGTH = 32
const SIGNATURE_LENGTH = 64

/** y of a point of order 8, a root of d·y⁴ + 2·y² − 1; the other is its negative. */
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

/** y coordinates of the eight points whose order divides 8, modulo the field prime. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, FIELD_PRIME - 1n, ORDER_8_Y, FIELD_PRIME - ORDER_8_Y])

/**
 * Whether bytes encode a point whose order divides 8, canonical or not: such a key must not be taken in.
 *
 * @param point - 32 bytes; other lengths give false
 */
export function isSmallOrder(point: Bytes): boolean {
  if (point.length !== PUBLIC_KEY_LENGTH) return false
  return SMALL_ORDER_Y.has((littleEndian(point) & ~SIGN_BIT) % FIELD_PRIME)
}

/**
 * Whether key and signature have the lengths, canonical encodings and orders that every library accepts.
 *
 * Says nothing about the signature's truth. Must hold before any library is asked.
 *
 * @see spec/keys.md §7
 */
export function isStrictEd25519(publicKey: Bytes, signature: Bytes): boolean {
  if (publicKey.length !== PUBLIC_KEY_LENGTH || signature.length !== SIGNATURE_LENGTH) return false
  const r = signature.subarray(0, 32)
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) return false
  return isCanonicalPoint(publicKey) && isCanonicalPoint(r) && !isSmallOrder(publicKey) && !isSmallOrder(r)
}

/** Points with x = 0 and a sign bit are of small order, so that case needs no check of its own. */
function isCanonicalPoint(point: Bytes): boolean {
  return (littleEndian(point) & ~SIGN_BIT) < FIELD_PRIME
}

function littleEndian(bytes: Bytes): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  return value
}
