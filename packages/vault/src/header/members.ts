import { compareBytes, equalBytes } from '@strongroom/crypto/envelope'

/** Roles in the order of their codes: what a reader may, a writer may, what a writer may, an owner may. */
export const ROLES = ['reader', 'writer', 'owner'] as const
export type Role = (typeof ROLES)[number]

/** States in the order of their codes. */
export const STATES = ['invited', 'active', 'removed'] as const
export type MembershipState = (typeof STATES)[number]

/** A row of a vault's members table. Removed members are not in the table. */
export interface Member {
  accountId: Uint8Array
  role: Role
  /** Hash of the identity card that the member signs under. */
  cardHash: Uint8Array
  suite: number
  /** Ed25519, of the card. */
  publicKey: Uint8Array
  state: MembershipState
}

/** A change of the table: the member's whole new row. */
export interface MemberChange extends Member {
  /** HPKE wrap of the current vault key: for members added outside of an epoch change, else null. */
  wrap: Uint8Array | null
}

/** The row of an account, or null. */
export function findMember(members: readonly Member[], accountId: Uint8Array): Member | null {
  return members.find((member) => equalBytes(member.accountId, accountId)) ?? null
}

/** The table after the changes, sorted by account id, removed members left out. */
export function changedMembers(members: readonly Member[], changes: readonly MemberChange[]): Member[] {
  const kept = members.filter((member) => findMember(changes, member.accountId) === null)
  const added = changes
    .filter((change) => change.state !== 'removed')
    .map(({ accountId, role, cardHash, suite, publicKey, state }) => ({
      accountId,
      role,
      cardHash,
      suite,
      publicKey,
      state,
    }))
  return [...kept, ...added].sort((a, b) => compareBytes(a.accountId, b.accountId))
}
