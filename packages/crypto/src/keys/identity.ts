import { CARD_LENGTH, encodeCardBody } from '../card.ts'
import type { Bytes } from '../encoding.ts'
import { concat, i64 } from '../encoding.ts'
import type { CryptoEngine } from '../engine.ts'
import { CryptoError } from '../errors.ts'
import type { AccountId } from '../ids.ts'
import { hashMessage, signatureMessage } from '../messages.ts'
import { SecretBytes } from '../secret-bytes.ts'
import { KEY_LENGTH } from '../sizes.ts'
import { xwingPublicKey } from './hpke.ts'

/** The secrets behind an identity card, 32 bytes each. */
export interface IdentitySeeds {
  readonly ed25519: SecretBytes
  readonly xwing: SecretBytes
  /** X-Wing seeds of earlier cards, kept so that old wraps still open. */
  readonly oldXwing: readonly SecretBytes[]
}

/** Fresh random seeds of a first identity. */
export function generateIdentitySeeds(engine: CryptoEngine): IdentitySeeds {
  return {
    ed25519: SecretBytes.random(engine, KEY_LENGTH),
    xwing: SecretBytes.random(engine, KEY_LENGTH),
    oldXwing: [],
  }
}

/**
 * Makes and signs an identity card.
 *
 * @param previous - the card that this one replaces, by its hash and its Ed25519 seed; none for an account's first
 * @returns the encoded card and its hash (32 bytes)
 */
export async function createCard(
  engine: CryptoEngine,
  seeds: Pick<IdentitySeeds, 'ed25519' | 'xwing'>,
  about: { accountId: AccountId; timeMs: number },
  previous?: { hash: Bytes; seed: SecretBytes },
): Promise<{ bytes: Bytes; hash: Bytes }> {
  const card = {
    accountId: about.accountId,
    timeMs: about.timeMs,
    ed25519PublicKey: await seeds.ed25519.use((seed) => engine.ed25519PublicKey(seed)),
    xwingPublicKey: await xwingPublicKey(seeds.xwing),
    previousCardHash: previous?.hash ?? null,
  }
  const body = encodeCardBody(card, i64(about.timeMs))
  const hash = await engine.sha256(hashMessage('card', body))
  const signature = await seeds.ed25519.use((seed) => engine.ed25519Sign(seed, signatureMessage('card', hash)))
  const succession = await previous?.seed.use((seed) =>
    engine.ed25519Sign(seed, signatureMessage('card-succession', hash)),
  )
  const bytes = concat(body, signature, succession ?? new Uint8Array(64))
  if (bytes.length !== CARD_LENGTH) throw new CryptoError('malformed')
  return { bytes, hash }
}
