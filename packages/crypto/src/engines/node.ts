import type { CipherGCM, DecipherGCM, KeyObject } from 'node:crypto'
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  pbkdf2,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { promisify } from 'node:util'
import { isStrictEd25519 } from '../ed25519-encoding.ts'
import type { Bytes } from '../encoding.ts'
import { concat, copyOf } from '../encoding.ts'
import type { AesGcmKey, CryptoEngine, HashName } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import { TAG_LENGTH } from '../sealed-layout.ts'
import { KEY_LENGTH } from '../sizes.ts'

/** PKCS #8 of an Ed25519 seed, up to the seed. */
const PKCS8_PREFIX = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)
/** Bytes of a SubjectPublicKeyInfo before its Ed25519 key. */
const SPKI_PREFIX_LENGTH = 12

const pbkdf2Async = promisify(pbkdf2)

/** Engine on node:crypto: AES-GCM runs at once, on the calling thread, with one copy. */
export function nodeEngine(): CryptoEngine {
  return {
    name: 'node',
    parallelism: 1,
    randomBytes: (length) => plain(randomBytes(length)),
    sha256: async (message) => plain(createHash('sha256').update(message).digest()),
    hmac: async (hash: HashName, key, message) => plain(createHmac(hash, key).update(message).digest()),
    importAesGcm,
    pbkdf2Sha256: async (password, salt, iterations, length) =>
      plain(await pbkdf2Async(password, salt, iterations, length, 'sha256')),
    ed25519PublicKey: async (seed) =>
      copyOf(createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }), SPKI_PREFIX_LENGTH),
    ed25519Sign: async (seed, message) => plain(sign(null, message, privateKey(seed))),
    ed25519Verify,
  }
}

/** A Buffer as a Uint8Array over the same memory, so that both engines hand out the same type. */
function plain(buffer: Buffer): Bytes {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

async function importAesGcm(key: Bytes): Promise<AesGcmKey> {
  if (key.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  let secret: KeyObject | null = createSecretKey(key)
  const use = (): KeyObject => {
    if (secret === null) throw new CryptoError('invalid_key')
    return secret
  }
  const encryptInto = async (iv: Bytes, aad: Bytes, plaintext: Bytes, output: Bytes): Promise<void> => {
    const cipher = createCipheriv('aes-256-gcm', use(), iv, { authTagLength: TAG_LENGTH })
    cipher.setAAD(aad)
    updateInto(cipher, plaintext, output)
    cipher.final()
    output.set(cipher.getAuthTag(), plaintext.length)
  }
  const decryptInto = async (iv: Bytes, aad: Bytes, ciphertext: Bytes, output: Bytes): Promise<void> => {
    const key = use()
    if (ciphertext.length < TAG_LENGTH) throw new CryptoError('decrypt_failed')
    const end = ciphertext.length - TAG_LENGTH
    try {
      const decipher: DecipherGCM = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_LENGTH })
      decipher.setAAD(aad)
      decipher.setAuthTag(ciphertext.subarray(end))
      updateInto(decipher, ciphertext.subarray(0, end), output)
      decipher.final()
    } catch (cause) {
      throw new CryptoError('decrypt_failed', { cause })
    }
  }
  return {
    encryptInto,
    decryptInto,
    encrypt: async (iv, aad, plaintext) => {
      const output = new Uint8Array(plaintext.length + TAG_LENGTH)
      await encryptInto(iv, aad, plaintext, output)
      return output
    },
    decrypt: async (iv, aad, ciphertext) => {
      const output = new Uint8Array(Math.max(0, ciphertext.length - TAG_LENGTH))
      try {
        await decryptInto(iv, aad, ciphertext, output)
      } catch (error) {
        output.fill(0)
        throw error
      }
      return output
    },
    destroy: () => {
      secret = null
    },
  }
}

/**
 * Reason: node:crypto answers every call with memory of its own, which costs more than the AES wherever it is new to the
 * process; pieces of this size are taken from memory that was in use before.
 */
const PIECE = 32 * 1024

function updateInto(cipher: CipherGCM | DecipherGCM, input: Bytes, output: Bytes): void {
  for (let offset = 0; offset < input.length; offset += PIECE) {
    output.set(cipher.update(input.subarray(offset, offset + PIECE)), offset)
  }
}

function privateKey(seed: Bytes): KeyObject {
  if (seed.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const encoded = concat(PKCS8_PREFIX, seed)
  try {
    return createPrivateKey({ key: Buffer.from(encoded.buffer), format: 'der', type: 'pkcs8' })
  } finally {
    encoded.fill(0)
  }
}

/** Runs on the thread pool, so that a caller with many signatures to check keeps several cores busy. */
async function ed25519Verify(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  if (!isStrictEd25519(publicKey, signature)) return false
  try {
    // Reason: OpenSSL takes a raw key from a JWK eight times faster than it decodes a DER one.
    const x = Buffer.from(publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return await new Promise((resolve) => {
      verify(null, message, key, signature, (error, valid) => resolve(error === null && valid))
    })
  } catch {
    return false
  }
}
