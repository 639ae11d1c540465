import type { Bytes } from './encoding.ts'

export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** An imported AES-256-GCM key; ciphertexts end in a tag of 16 bytes. */
export interface AesGcmKey {
  encrypt(iv: Bytes, aad: Bytes, plaintext: Bytes): Promise<Bytes>
  /** Throws CryptoError `decrypt_failed`. */
  decrypt(iv: Bytes, aad: Bytes, ciphertext: Bytes): Promise<Bytes>
  /** Writes ciphertext and tag into `output`, which has exactly their length and may not overlap `plaintext`. */
  encryptInto(iv: Bytes, aad: Bytes, plaintext: Bytes, output: Bytes): Promise<void>
  /**
   * Writes the plaintext into `output`, which has exactly its length. Throws CryptoError `decrypt_failed`; `output` may
   * then hold unverified bytes, which the caller must wipe.
   */
  decryptInto(iv: Bytes, aad: Bytes, ciphertext: Bytes, output: Bytes): Promise<void>
  /** Forgets the key; later calls throw CryptoError `invalid_key`. */
  destroy(): void
}

/** The primitives of one runtime. All take copies of what they keep; none changes its arguments. */
export interface CryptoEngine {
  readonly name: string
  /** How many AES-GCM calls to keep in flight; 1 where calls do their work at once. */
  readonly parallelism: number
  randomBytes(length: number): Bytes
  sha256(message: Bytes): Promise<Bytes>
  hmac(hash: HashName, key: Bytes, message: Bytes): Promise<Bytes>
  /** Throws CryptoError `invalid_key` unless the key has 32 bytes. */
  importAesGcm(key: Bytes): Promise<AesGcmKey>
  pbkdf2Sha256(password: Bytes, salt: Bytes, iterations: number, length: number): Promise<Bytes>
  /** Public key of a 32-byte seed. */
  ed25519PublicKey(seed: Bytes): Promise<Bytes>
  ed25519Sign(seed: Bytes, message: Bytes): Promise<Bytes>
  /** Cofactorless RFC 8032 with the checks of `isStrictEd25519`; false, never a throw, on bad input. */
  ed25519Verify(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean>
}
