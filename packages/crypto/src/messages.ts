import type { Bytes } from './encoding.ts'
import { concat } from './encoding.ts'
import { CryptoError } from './errors.ts'
import type { HashType, SignType } from './labels.ts'
import { LABELS, labelPrefix } from './labels.ts'

/** What SHA-256 is computed over: `"strongroom/" ‖ type ‖ 00 01 ‖ parts`. */
export function hashMessage(type: HashType, ...parts: readonly Bytes[]): Bytes {
  return concat(labelPrefix(type), ...parts)
}

/**
 * What Ed25519 signs: `"strongroom/" ‖ type ‖ "-signature" ‖ 00 01 ‖ hash`.
 *
 * @param hash - 32 bytes, a SHA-256 over a {@link hashMessage}
 * @throws CryptoError `malformed` for a hash of another length
 */
export function signatureMessage(type: SignType, hash: Bytes): Bytes {
  if (hash.length !== LABELS.sign[type][0]) throw new CryptoError('malformed')
  return concat(labelPrefix(`${type}-signature`), hash)
}
