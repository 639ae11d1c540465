import type { Bytes } from './encoding.ts'
import { concat } from './encoding.ts'
import type { CryptoEngine, HashName } from './engine.ts'
import { CryptoError } from './errors.ts'

const HASH_LENGTH: Record<HashName, number> = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 }

/**
 * HKDF-Expand of RFC 5869, from HMAC.
 *
 * Reason: WebCrypto's own HKDF always extracts first.
 *
 * @throws CryptoError `size_out_of_range` above 255 blocks
 */
export async function hkdfExpand(
  engine: CryptoEngine,
  hash: HashName,
  key: Bytes,
  info: Bytes,
  length: number,
): Promise<Bytes> {
  const count = Math.ceil(length / HASH_LENGTH[hash])
  if (count > 255) throw new CryptoError('size_out_of_range')
  const output = new Uint8Array(length)
  let block: Bytes = new Uint8Array(0)
  for (let i = 0; i < count; i++) {
    const input = concat(block, info, Uint8Array.of(i + 1))
    const next = await engine.hmac(hash, key, input)
    input.fill(0)
    block.fill(0)
    block = next
    output.set(block.subarray(0, Math.min(block.length, length - i * HASH_LENGTH[hash])), i * HASH_LENGTH[hash])
  }
  block.fill(0)
  return output
}

/** HKDF-Extract of RFC 5869. */
export function hkdfExtract(engine: CryptoEngine, hash: HashName, salt: Bytes, input: Bytes): Promise<Bytes> {
  return engine.hmac(hash, salt, input)
}
