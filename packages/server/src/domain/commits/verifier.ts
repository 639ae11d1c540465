import { createPublicKey, verify } from 'node:crypto'
import { CryptoError } from '@strongroom/crypto/errors'
import { VaultError } from '@strongroom/vault/header'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'

const FIELD_PRIME = 2n ** 255n - 19n
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** RFC 8032, cofactorless: OpenSSL checks S and, by recomputing it, R; whether A is canonical is checked here. */
async function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const y = Buffer.from(publicKey).reverse()
  y[0] = (y[0] ?? 0) & 0x7f
  if (BigInt(`0x${y.toString('hex')}`) >= FIELD_PRIME) return false
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
    return verify(null, message, key, signature)
  } catch {
    return false
  }
}

const engine = { sha256: async (bytes: Uint8Array) => sha256(bytes), ed25519Verify }

/** What the vault log's rules need to check a commit without any key. */
export const commitVerifier = { hasher: engine, verifier: engine }

/** Turns a broken rule of the vault log into the API's refusal. */
export function rejectCommit(cause: unknown): never {
  if (!(cause instanceof VaultError || cause instanceof CryptoError)) throw cause
  const code = cause.code === 'upgrade_required' ? 'upgrade_required' : 'commit_rejected'
  throw new ServerError(code, { details: { reason: cause.code }, cause })
}
