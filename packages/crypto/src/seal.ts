import type { Bytes } from './encoding.ts'
import { concat, copyOf, equalBytes, utf8 } from './encoding.ts'
import type { AesGcmKey, CryptoEngine } from './engine.ts'
import { CryptoError } from './errors.ts'
import { hkdfExpand } from './hkdf.ts'
import { inFlight } from './in-flight.ts'
import type { SealType } from './labels.ts'
import { LABEL_VERSION, LABELS, labelPrefix } from './labels.ts'
import {
  checkSealed,
  SEAL_CHUNK,
  SEAL_COMMITMENT_LENGTH,
  SEAL_HEADER_LENGTH,
  SEAL_SALT_LENGTH,
  sealedLength,
  TAG_LENGTH,
} from './sealed-layout.ts'
import type { SecretBytes } from './secret-bytes.ts'
import { KEY_LENGTH } from './sizes.ts'

/*
 * Cobblestone-256 (c2sp.org/chunked-encryption), after a version byte:
 *   01 ‖ salt(24) ‖ commitment(32) ‖ chunks
 *   key(32) ‖ base nonce(12) ‖ commitment(32) = HKDF-Expand-SHA512(K, PROTOCOL ‖ 00 ‖ salt ‖ context, 76)
 *   chunk i = AES-256-GCM(key, base nonce XOR i, no additional data); 16 KiB each, the last shorter, perhaps empty
 */
const PROTOCOL = concat(utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM'), Uint8Array.of(0))
const NONCE_LENGTH = 12
const EMPTY: Bytes = new Uint8Array(0)

/** Type and place of a sealed object; made by {@link sealContext} only. */
export interface SealContext {
  readonly type: SealType
  readonly bytes: Bytes
}

/**
 * Context of a sealed object: `"strongroom/" ‖ type ‖ 00 01 ‖ ids`.
 *
 * @param ids - the ids of the type's row in LABELS, in order
 * @throws CryptoError `malformed` when number or lengths of the ids do not fit the type
 */
export function sealContext(type: SealType, ...ids: readonly Bytes[]): SealContext {
  const lengths: readonly number[] = LABELS.seal[type].ids
  if (ids.length !== lengths.length || ids.some((id, i) => id.length !== lengths[i])) {
    throw new CryptoError('malformed')
  }
  return { type, bytes: concat(labelPrefix(type), ...ids) }
}

/**
 * Seals a small object under a uniform 32-byte key, with a fresh salt and a commitment to the key.
 *
 * @throws CryptoError `size_out_of_range` above the type's limit, `invalid_key` for a key of another length
 * @see spec/file-format.md §2
 */
export async function seal(
  engine: CryptoEngine,
  key: SecretBytes,
  context: SealContext,
  plaintext: Bytes,
): Promise<Bytes> {
  if (plaintext.length > LABELS.seal[context.type].maxPlaintext) throw new CryptoError('size_out_of_range')
  const salt = engine.randomBytes(SEAL_SALT_LENGTH)
  const { cipher, baseNonce, commitment } = await schedule(engine, key, salt, context)
  const sealed = new Uint8Array(sealedLength(plaintext.length))
  sealed[0] = LABEL_VERSION
  sealed.set(salt, 1)
  sealed.set(commitment, 1 + SEAL_SALT_LENGTH)
  const chunks = Math.floor(plaintext.length / SEAL_CHUNK) + 1
  try {
    await inFlight(chunks, engine.parallelism, (i) => {
      const chunk = plaintext.subarray(i * SEAL_CHUNK, (i + 1) * SEAL_CHUNK)
      const offset = SEAL_HEADER_LENGTH + i * (SEAL_CHUNK + TAG_LENGTH)
      const output = sealed.subarray(offset, offset + chunk.length + TAG_LENGTH)
      return cipher.encryptInto(nonce(baseNonce, i), EMPTY, chunk, output)
    })
  } finally {
    cipher.destroy()
  }
  return sealed
}

/**
 * Opens what {@link seal} made with the same key and context.
 *
 * @throws CryptoError `upgrade_required` for another version, `malformed` for an impossible length, `decrypt_failed`
 *   for everything else: wrong key, wrong context, changed bytes
 */
export function open(engine: CryptoEngine, key: SecretBytes, context: SealContext, sealed: Bytes): Promise<Bytes> {
  return openTo(engine, key, context, { sealed, output: (length) => new Uint8Array(length) })
}

/**
 * The same for large objects; where it can, it puts the plaintext into the memory of `sealed`, which is not the caller's
 * any more, whatever comes of it.
 *
 * @throws CryptoError as {@link open}
 */
export function openInPlace(
  engine: CryptoEngine,
  key: SecretBytes,
  context: SealContext,
  sealed: Bytes,
): Promise<Bytes> {
  // Each chunk lies behind the place of its plaintext, and is read before that is written; one after the other, that is.
  const isInOrder = engine.parallelism === 1
  return openTo(engine, key, context, {
    sealed,
    output: (length) => (isInOrder ? sealed.subarray(0, length) : new Uint8Array(length)),
  })
}

async function openTo(
  engine: CryptoEngine,
  key: SecretBytes,
  context: SealContext,
  { sealed, output: outputOf }: { sealed: Bytes; output: (length: number) => Bytes },
): Promise<Bytes> {
  const length = checkSealed(sealed, { maxPlaintext: LABELS.seal[context.type].maxPlaintext })
  const salt = sealed.subarray(1, 1 + SEAL_SALT_LENGTH)
  const { cipher, baseNonce, commitment } = await schedule(engine, key, salt, context)
  let plaintext: Bytes | null = null
  try {
    // Invariant (file-format §2): nothing is decrypted under a key that the sealer did not commit to.
    if (!equalBytes(commitment, sealed.subarray(1 + SEAL_SALT_LENGTH, SEAL_HEADER_LENGTH))) {
      throw new CryptoError('decrypt_failed')
    }
    const whole = outputOf(length)
    plaintext = whole
    await inFlight(Math.floor(length / SEAL_CHUNK) + 1, engine.parallelism, (i) => {
      const output = whole.subarray(i * SEAL_CHUNK, (i + 1) * SEAL_CHUNK)
      const offset = SEAL_HEADER_LENGTH + i * (SEAL_CHUNK + TAG_LENGTH)
      const chunk = sealed.subarray(offset, offset + output.length + TAG_LENGTH)
      return cipher.decryptInto(nonce(baseNonce, i), EMPTY, chunk, output)
    })
    return whole
  } catch (error) {
    plaintext?.fill(0)
    throw error
  } finally {
    cipher.destroy()
  }
}

async function schedule(
  engine: CryptoEngine,
  key: SecretBytes,
  salt: Bytes,
  context: SealContext,
): Promise<{ cipher: AesGcmKey; baseNonce: Bytes; commitment: Bytes }> {
  if (key.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const info = concat(PROTOCOL, salt, context.bytes)
  const length = KEY_LENGTH + NONCE_LENGTH + SEAL_COMMITMENT_LENGTH
  const material = await key.use((bytes) => hkdfExpand(engine, 'SHA-512', bytes, info, length))
  const cipher = await engine.importAesGcm(material.subarray(0, KEY_LENGTH))
  const baseNonce = copyOf(material, KEY_LENGTH, KEY_LENGTH + NONCE_LENGTH)
  const commitment = copyOf(material, KEY_LENGTH + NONCE_LENGTH)
  material.fill(0)
  return { cipher, baseNonce, commitment }
}

/** Base nonce XOR chunk number; objects are far below 2^32 chunks. */
function nonce(base: Bytes, index: number): Bytes {
  const bytes = copyOf(base)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(NONCE_LENGTH - 4, view.getUint32(NONCE_LENGTH - 4) ^ index)
  return bytes
}
