import { cardHashMessage, equalBytes, parseCard } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { sha256 } from '../bytes.ts'
import { ServerError } from '../errors.ts'

/** What the server needs of an identity card; its signature is for clients to verify. */
export interface CheckedCard {
  readonly hash: Uint8Array
  readonly ed25519PublicKey: Uint8Array
}

/**
 * Parses the first identity card of an account.
 *
 * @throws ServerError `bad_request`, `upgrade_required`
 */
export function checkCard(bytes: Uint8Array, accountId: Uint8Array): CheckedCard {
  try {
    const card = parseCard(bytes)
    if (!equalBytes(card.accountId, accountId) || card.previousCardHash !== null) {
      throw new ServerError('bad_request', { details: { path: 'card' } })
    }
    return { hash: sha256(cardHashMessage(bytes)), ed25519PublicKey: card.ed25519PublicKey }
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    if (cause.code === 'upgrade_required') throw new ServerError('upgrade_required', { cause })
    throw new ServerError('bad_request', { details: { path: 'card' }, cause })
  }
}
