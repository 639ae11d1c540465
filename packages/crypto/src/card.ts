import { isSmallOrder } from './ed25519-encoding.ts'
import type { Bytes } from './encoding.ts'
import { concat, copyOf, equalBytes, isZero, readI64 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { XWING_PUBLIC_KEY_LENGTH } from './hpke-layout.ts'
import type { AccountId } from './ids.ts'
import { asAccountId } from './ids.ts'
import { LABEL_VERSION } from './labels.ts'
import { hashMessage, signatureMessage } from './messages.ts'

/*
 * offset  length
 *      0       1  version, 1
 *      1       1  suite, 1: Ed25519 and X-Wing
 *      2      16  account id
 *     18      32  Ed25519 public key
 *     50    1216  X-Wing public key
 *   1266       8  time in ms, signed
 *   1274      32  hash of the previous card, or zeros
 *   1306      64  signature of type "card" by the key at 18
 *   1370      64  signature of type "card-succession" by the previous card's key, or zeros
 */
const SUITE = 1
const BODY_LENGTH = 1306
const ED25519_OFFSET = 18
const XWING_OFFSET = 50
const TIME_OFFSET = XWING_OFFSET + XWING_PUBLIC_KEY_LENGTH
const PREVIOUS_OFFSET = TIME_OFFSET + 8
const SUCCESSION_OFFSET = BODY_LENGTH + 64

/** Bytes of an encoded identity card. */
export const CARD_LENGTH = BODY_LENGTH + 2 * 64

/** What an account says about its own keys. */
export interface IdentityCard {
  readonly accountId: AccountId
  /** 32 bytes. */
  readonly ed25519PublicKey: Bytes
  /** 1216 bytes. */
  readonly xwingPublicKey: Bytes
  readonly timeMs: number
  /** 32 bytes; null on an account's first card. */
  readonly previousCardHash: Bytes | null
}

/** A card whose layout was checked and whose signatures were not. */
export interface ParsedCard {
  readonly card: IdentityCard
  /** The signed part of the bytes. */
  readonly body: Bytes
  readonly signature: Bytes
  /** Signature by the previous card's key; null on an account's first card. */
  readonly successionSignature: Bytes | null
}

/** The two operations that checking a card needs; every CryptoEngine has them. */
export interface CardVerifier {
  sha256(message: Bytes): Promise<Bytes>
  ed25519Verify(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean>
}

/** Encodes the signed part of a card. */
export function encodeCardBody(card: IdentityCard, time: Bytes): Bytes {
  return concat(
    Uint8Array.of(LABEL_VERSION, SUITE),
    card.accountId,
    card.ed25519PublicKey,
    card.xwingPublicKey,
    time,
    card.previousCardHash ?? new Uint8Array(32),
  )
}

/**
 * Takes a card apart and checks all that needs no cryptography. The parts are copies.
 *
 * @throws CryptoError `upgrade_required` for another version or suite, `malformed` for wrong lengths or half a
 *   succession, `invalid_key` for an Ed25519 key of small order
 */
export function parseCard(bytes: Bytes): ParsedCard {
  if (bytes.length < 2) throw new CryptoError('malformed')
  if (bytes[0] !== LABEL_VERSION || bytes[1] !== SUITE) throw new CryptoError('upgrade_required')
  if (bytes.length !== CARD_LENGTH) throw new CryptoError('malformed')
  const ed25519PublicKey = copyOf(bytes, ED25519_OFFSET, XWING_OFFSET)
  if (isSmallOrder(ed25519PublicKey)) throw new CryptoError('invalid_key')
  const previous = copyOf(bytes, PREVIOUS_OFFSET, BODY_LENGTH)
  const succession = copyOf(bytes, SUCCESSION_OFFSET)
  if (isZero(previous) !== isZero(succession)) throw new CryptoError('malformed')
  const first = isZero(previous)
  return {
    card: {
      accountId: asAccountId(copyOf(bytes, 2, ED25519_OFFSET)),
      ed25519PublicKey,
      xwingPublicKey: copyOf(bytes, XWING_OFFSET, TIME_OFFSET),
      timeMs: readI64(bytes, TIME_OFFSET),
      previousCardHash: first ? null : previous,
    },
    body: copyOf(bytes, 0, BODY_LENGTH),
    signature: copyOf(bytes, BODY_LENGTH, SUCCESSION_OFFSET),
    successionSignature: first ? null : succession,
  }
}

/** The message whose SHA-256 is the card's hash; signatures are not part of it. */
export function cardHashMessage(bytes: Bytes): Bytes {
  return hashMessage('card', bytes.subarray(0, BODY_LENGTH))
}

/**
 * Checks a card: layout, key, its own signature and, given the card before it, the succession.
 *
 * @param previous - the pinned card before this one, already verified; without it a succession is not checked
 * @throws CryptoError `decrypt_failed` when a signature or the succession does not hold, else as {@link parseCard}
 */
export async function verifyCard(
  verifier: CardVerifier,
  bytes: Bytes,
  previous?: { card: Pick<IdentityCard, 'accountId' | 'ed25519PublicKey'>; hash: Bytes },
): Promise<{ card: IdentityCard; hash: Bytes }> {
  const { card, signature, successionSignature } = parseCard(bytes)
  const hash = await verifier.sha256(cardHashMessage(bytes))
  const own = await verifier.ed25519Verify(card.ed25519PublicKey, signatureMessage('card', hash), signature)
  if (!own) throw new CryptoError('decrypt_failed')
  if (previous !== undefined) await verifySuccession(verifier, { card, hash, successionSignature }, previous)
  return { card, hash }
}

async function verifySuccession(
  verifier: CardVerifier,
  next: { card: IdentityCard; hash: Bytes; successionSignature: Bytes | null },
  previous: { card: Pick<IdentityCard, 'accountId' | 'ed25519PublicKey'>; hash: Bytes },
): Promise<void> {
  const { card, hash, successionSignature } = next
  const follows =
    card.previousCardHash !== null &&
    successionSignature !== null &&
    equalBytes(card.previousCardHash, previous.hash) &&
    equalBytes(card.accountId, previous.card.accountId) &&
    (await verifier.ed25519Verify(
      previous.card.ed25519PublicKey,
      signatureMessage('card-succession', hash),
      successionSignature,
    ))
  if (!follows) throw new CryptoError('decrypt_failed')
}
