import type { Bytes } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { LABEL_VERSION } from './labels.ts'

/** Plaintext bytes of every chunk but the last, which is always shorter and may be empty. */
export const SEAL_CHUNK = 16_384
/** Random bytes at the beginning of a sealed object, after its version. */
export const SEAL_SALT_LENGTH = 24
/** Bytes of the key commitment. */
export const SEAL_COMMITMENT_LENGTH = 32
/** Bytes of every tag. */
export const TAG_LENGTH = 16
/** Bytes before the first chunk: version, salt, commitment. */
export const SEAL_HEADER_LENGTH = 1 + SEAL_SALT_LENGTH + SEAL_COMMITMENT_LENGTH
/** Bytes that sealing adds to a plaintext shorter than one chunk. */
export const SEALED_OVERHEAD = SEAL_HEADER_LENGTH + TAG_LENGTH

/** Sealed length of a plaintext. */
export function sealedLength(plaintextLength: number): number {
  return SEAL_HEADER_LENGTH + plaintextLength + (Math.floor(plaintextLength / SEAL_CHUNK) + 1) * TAG_LENGTH
}

/**
 * Plaintext length of sealed bytes.
 *
 * @throws CryptoError `malformed` for a length that no plaintext gives
 */
export function unsealedLength(length: number): number {
  const body = length - SEAL_HEADER_LENGTH
  const lastChunk = body % (SEAL_CHUNK + TAG_LENGTH)
  // Invariant (file-format §2): the last chunk holds a tag and less than 16 KiB; a cut at a chunk boundary shows here.
  if (body < TAG_LENGTH || lastChunk < TAG_LENGTH) throw new CryptoError('malformed')
  return body - (Math.floor(body / (SEAL_CHUNK + TAG_LENGTH)) + 1) * TAG_LENGTH
}

/**
 * Checks everything about a sealed object that needs no key; returns the length of its plaintext.
 *
 * @throws CryptoError `upgrade_required` for another version, `malformed` for an impossible or excluded length
 */
export function checkSealed(sealed: Bytes, bounds: { minPlaintext?: number; maxPlaintext?: number } = {}): number {
  if (sealed.length === 0) throw new CryptoError('malformed')
  if (sealed[0] !== LABEL_VERSION) throw new CryptoError('upgrade_required')
  const length = unsealedLength(sealed.length)
  if (length < (bounds.minPlaintext ?? 0) || length > (bounds.maxPlaintext ?? Number.MAX_SAFE_INTEGER)) {
    throw new CryptoError('malformed')
  }
  return length
}
