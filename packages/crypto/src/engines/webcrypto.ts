import { isStrictEd25519 } from '../ed25519-encoding.ts'
import type { Bytes } from '../encoding.ts'
import { concat } from '../encoding.ts'
import type { AesGcmKey, CryptoEngine, HashName } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import { KEY_LENGTH } from '../sizes.ts'

/** Most bytes that getRandomValues fills in one call. */
const RANDOM_LIMIT = 65_536
/** PKCS #8 of an Ed25519 seed, up to the seed. */
const PKCS8_PREFIX = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)

/** Engine on WebCrypto, for browsers and every other runtime that has it. */
export function webCryptoEngine(): CryptoEngine {
  return {
    name: 'webcrypto',
    parallelism: 4,
    randomBytes,
    sha256: async (message) => new Uint8Array(await crypto.subtle.digest('SHA-256', source(message))),
    hmac,
    importAesGcm,
    pbkdf2Sha256,
    ed25519PublicKey,
    ed25519Sign,
    ed25519Verify,
  }
}

/** The cast is true because this package never makes or takes views of a SharedArrayBuffer. */
function source(bytes: Bytes): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

function randomBytes(length: number): Bytes {
  const bytes = new Uint8Array(length)
  for (let offset = 0; offset < length; offset += RANDOM_LIMIT) {
    crypto.getRandomValues(bytes.subarray(offset, Math.min(length, offset + RANDOM_LIMIT)))
  }
  return bytes
}

async function hmac(hash: HashName, key: Bytes, message: Bytes): Promise<Bytes> {
  // Reason: WebCrypto refuses an empty key; HMAC pads keys with zeros, so one zero byte is the same key.
  const raw = key.length === 0 ? new Uint8Array(1) : key
  const imported = await crypto.subtle.importKey('raw', source(raw), { name: 'HMAC', hash }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, source(message)))
}

async function importAesGcm(key: Bytes): Promise<AesGcmKey> {
  if (key.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  let imported: CryptoKey | null = await crypto.subtle.importKey('raw', source(key), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])
  const use = (): CryptoKey => {
    if (imported === null) throw new CryptoError('invalid_key')
    return imported
  }
  const parameters = (iv: Bytes, aad: Bytes): AesGcmParams => ({
    name: 'AES-GCM',
    iv: source(iv),
    additionalData: source(aad),
    tagLength: 128,
  })
  const encrypt = async (iv: Bytes, aad: Bytes, plaintext: Bytes): Promise<Bytes> =>
    new Uint8Array(await crypto.subtle.encrypt(parameters(iv, aad), use(), source(plaintext)))
  const decrypt = async (iv: Bytes, aad: Bytes, ciphertext: Bytes): Promise<Bytes> => {
    const key = use()
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters(iv, aad), key, source(ciphertext)))
    } catch (cause) {
      throw new CryptoError('decrypt_failed', { cause })
    }
  }
  return {
    encrypt,
    decrypt,
    encryptInto: async (iv, aad, plaintext, output) => output.set(await encrypt(iv, aad, plaintext)),
    decryptInto: async (iv, aad, ciphertext, output) => output.set(await decrypt(iv, aad, ciphertext)),
    destroy: () => {
      imported = null
    },
  }
}

async function pbkdf2Sha256(password: Bytes, salt: Bytes, iterations: number, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', source(password), 'PBKDF2', false, ['deriveBits'])
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt: source(salt), iterations }
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8))
}

async function importSeed(seed: Bytes, extractable: boolean): Promise<CryptoKey> {
  if (seed.length !== KEY_LENGTH) throw new CryptoError('invalid_key')
  const encoded = concat(PKCS8_PREFIX, seed)
  try {
    return await crypto.subtle.importKey('pkcs8', source(encoded), 'Ed25519', extractable, ['sign'])
  } finally {
    encoded.fill(0)
  }
}

/** WebCrypto shows the public half of a private key only as a JWK, which also holds the seed as a string. */
async function ed25519PublicKey(seed: Bytes): Promise<Bytes> {
  const jwk = await crypto.subtle.exportKey('jwk', await importSeed(seed, true))
  if (typeof jwk.x !== 'string') throw new CryptoError('invalid_key')
  const text = atob(jwk.x.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

async function ed25519Sign(seed: Bytes, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign('Ed25519', await importSeed(seed, false), source(message)))
}

async function ed25519Verify(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  if (!isStrictEd25519(publicKey, signature)) return false
  try {
    const key = await crypto.subtle.importKey('raw', source(publicKey), 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', key, source(signature), source(message))
  } catch {
    return false
  }
}
