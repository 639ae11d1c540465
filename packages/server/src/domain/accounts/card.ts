import { equalBytes, verifyCard } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { commitVerifier } from '../commits/verifier.ts'
import { ServerError } from '../errors.ts'

/** What the server needs of an identity card. */
export interface CheckedCard {
  readonly hash: Uint8Array
  readonly ed25519PublicKey: Uint8Array
}

/**
 * Checks the first identity card of an account: layout, key, own signature, account.
 *
 * @throws ServerError `bad_request`, `upgrade_required`
 */
export async function checkCard(bytes: Uint8Array, accountId: Uint8Array): Promise<CheckedCard> {
  try {
    const { card, hash } = await verifyCard(commitVerifier.engine, bytes)
    if (!equalBytes(card.accountId, accountId) || card.previousCardHash !== null) {
      throw new ServerError('bad_request', { details: { path: 'card' } })
    }
    return { hash, ed25519PublicKey: card.ed25519PublicKey }
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    if (cause.code === 'upgrade_required') throw new ServerError('upgrade_required', { cause })
    throw new ServerError('bad_request', { details: { path: 'card' }, cause })
  }
}
