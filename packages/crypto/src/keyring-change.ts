import type { Bytes } from './encoding.ts'
import { concat, u64 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { hashMessage } from './messages.ts'

/** A keyring that takes the place of the version before its own. */
export interface KeyringChange {
  readonly accountId: Bytes
  /** Of the new keyring. */
  readonly version: number
  /** Of the sealed keyring. */
  readonly sha256: Bytes
}

/**
 * The message whose SHA-256 the account's identity signs (type `keyring-change`): `account(16) ‖ u64 version ‖ SHA-256 of
 * the sealed keyring(32)`.
 *
 * @throws CryptoError `malformed` for other lengths
 * @see spec/keys.md §14
 */
export function keyringChangeMessage({ accountId, version, sha256 }: KeyringChange): Bytes {
  if (accountId.length !== 16 || sha256.length !== 32) throw new CryptoError('malformed')
  return hashMessage('keyring-change', concat(accountId, u64(version), sha256))
}
