import { asAccountId, verifyCard } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import { type ChainState, findMember, type MemberChange, type VerifiedCommit } from '@strongroom/vault/header'
import type { DatabaseTransaction } from '../../database/tables.ts'
import { equal } from '../bytes.ts'
import { ServerError } from '../errors.ts'
import type { NextKeyring } from '../keys/keyring.ts'
import { commitVerifier } from './verifier.ts'

/** An account's new card, checked. */
export interface NextCard {
  readonly bytes: Uint8Array
  readonly hash: Uint8Array
}

function rejected(reason: string): ServerError {
  return new ServerError('commit_rejected', { details: { reason } })
}

/** A keyring travels with commits that change members or start an epoch, and with no other. */
export function checkKeyring(commit: VerifiedCommit, keyring: NextKeyring | undefined): void {
  if (keyring !== undefined && !commit.header.membership) throw rejected('keyring_not_wanted')
}

/**
 * The card beside a commit: an author who changes their own card in a vault of their own brings it, signed by itself
 * and by the one that the vault lists, and nobody else brings one.
 *
 * @throws ServerError `commit_rejected`: `card_missing`, `card_not_wanted`, `card_differs`; `upgrade_required`
 */
export async function checkNextCard(
  commit: VerifiedCommit,
  before: ChainState,
  input: { readonly card: Uint8Array | undefined; readonly isPrivate: boolean },
): Promise<NextCard | null> {
  const { accountId } = commit.header
  const listed = findMember(before.members, accountId)
  const change = commit.section.members.find((member) => equal(member.accountId, accountId))
  const changes = listed !== null && change !== undefined && !equal(change.cardHash, listed.cardHash)
  if (!changes || !input.isPrivate) {
    if (input.card !== undefined) throw rejected('card_not_wanted')
    return null
  }
  if (input.card === undefined) throw rejected('card_missing')
  return await verifyNextCard(input.card, { accountId, listed, change })
}

async function verifyNextCard(
  bytes: Uint8Array,
  {
    accountId,
    listed,
    change,
  }: {
    accountId: Uint8Array
    listed: { cardHash: Uint8Array; publicKey: Uint8Array }
    change: Pick<MemberChange, 'cardHash' | 'publicKey'>
  },
): Promise<NextCard> {
  try {
    // Of the card before, a succession needs no more than the vault lists.
    const previous = { accountId: asAccountId(accountId), ed25519PublicKey: listed.publicKey }
    const { card, hash } = await verifyCard(commitVerifier.engine, bytes, { card: previous, hash: listed.cardHash })
    const same = equal(hash, change.cardHash) && equal(card.ed25519PublicKey, change.publicKey)
    if (!same) throw rejected('card_differs')
    return { bytes, hash }
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    if (cause.code === 'upgrade_required') throw new ServerError('upgrade_required', { cause })
    throw new ServerError('commit_rejected', { details: { reason: 'card_differs' }, cause })
  }
}

/** Stores an account's newest card. */
export async function storeCard(tx: DatabaseTransaction, accountId: Uint8Array, card: NextCard): Promise<void> {
  await tx.updateTable('accounts').set({ card: card.bytes, card_hash: card.hash }).where('id', '=', accountId).execute()
}
