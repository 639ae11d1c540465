import type { Bytes } from './encoding.ts'
import { compareBytes, concat, u32 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { hashMessage } from './messages.ts'

/** Wraps of one epoch that an owner has opened, and found to hold the keys of their contents. */
export interface WrapsConfirmation {
  readonly vaultId: Bytes
  readonly epoch: number
  /** Ascending by blob, each blob once. */
  readonly wraps: readonly { readonly blobId: Bytes; readonly sha256: Bytes }[]
}

/**
 * The message whose SHA-256 an owner signs (type `wraps`): `vault(16) ‖ u32 epoch ‖ u32 count ‖ (blob(16) ‖ SHA-256 of
 * the wrap(32))…`.
 *
 * @throws CryptoError `malformed` for other lengths, or another order
 * @see spec/keys.md §14
 */
export function wrapsConfirmationMessage({ vaultId, epoch, wraps }: WrapsConfirmation): Bytes {
  if (vaultId.length !== 16) throw new CryptoError('malformed')
  const parts = wraps.map(({ blobId, sha256 }, index) => {
    const before = wraps[index - 1]
    const isAscending = before === undefined || compareBytes(before.blobId, blobId) < 0
    if (blobId.length !== 16 || sha256.length !== 32 || !isAscending) throw new CryptoError('malformed')
    return concat(blobId, sha256)
  })
  return hashMessage('wraps', concat(vaultId, u32(epoch), u32(wraps.length), ...parts))
}
