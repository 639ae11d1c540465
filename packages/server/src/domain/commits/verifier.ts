import { createPublicKey, verify } from 'node:crypto'
import { isStrictEd25519 } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { VaultError } from '@strongroom/vault/header'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'

/** Cofactorless RFC 8032, after the strictness that clients apply too: false for anything malformed. */
async function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (!isStrictEd25519(publicKey, signature)) return false
  try {
    // Reason: OpenSSL takes a raw key from a JWK ten times faster than it decodes a DER one.
    const x = Buffer.from(publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}

const engine = { sha256: async (bytes: Uint8Array) => sha256(bytes), ed25519Verify }

/** What the rules of cards and of the vault log need to check them without any key. */
export const commitVerifier = { hasher: engine, verifier: engine, engine }

/** Turns a broken rule of the vault log into the API's refusal. */
export function rejectCommit(cause: unknown): never {
  if (!(cause instanceof VaultError || cause instanceof CryptoError)) throw cause
  const code = cause.code === 'upgrade_required' ? 'upgrade_required' : 'commit_rejected'
  const rule = cause instanceof VaultError && cause.reason !== null ? { rule: cause.reason } : {}
  throw new ServerError(code, { details: { reason: cause.code, ...rule }, cause })
}
