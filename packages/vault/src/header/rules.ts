import { equalBytes } from '@strongroom/crypto/envelope'
import type { CommitHeader } from './commit-header.ts'
import { VaultError } from './errors.ts'
import { EMPTY_BODY_LENGTH, MAX_MEMBERS } from './limits.ts'
import type { Member, MemberChange } from './members.ts'
import { findMember } from './members.ts'
import type { Section } from './section.ts'

interface Commit {
  header: CommitHeader
  section: Section
  /** The author's row before the commit; at genesis the founder's. */
  author: Member
  /** null at genesis. */
  before: readonly Member[] | null
  after: readonly Member[]
}

/**
 * The founder's row of a genesis commit.
 *
 * @throws VaultError `genesis_invalid`
 */
export function checkGenesis(header: CommitHeader, section: Section): Member {
  const founder = section.members[0]
  if (
    section.genesis === null ||
    section.epochChange === null ||
    founder === undefined ||
    section.members.length !== 1
  ) {
    throw new VaultError('genesis_invalid', 'parts')
  }
  if (!equalBytes(section.genesis.founderCardHash, header.cardHash) || !equalBytes(founder.cardHash, header.cardHash)) {
    throw new VaultError('genesis_invalid', 'card')
  }
  if (!equalBytes(founder.accountId, header.accountId) || founder.role !== 'owner' || founder.state !== 'active') {
    throw new VaultError('genesis_invalid', 'founder')
  }
  if (founder.wrap !== null || section.epochChange.sealedPreviousKey !== null) {
    throw new VaultError('genesis_invalid', 'keys')
  }
  if (section.added.length > 0 || section.released.length > 0 || header.checkpointHash !== null) {
    throw new VaultError('genesis_invalid', 'references')
  }
  return founder
}

/**
 * Checks that the author may make this commit, and that its changes of members and epoch follow the rules.
 *
 * @throws VaultError `author_not_allowed`, `content_not_allowed`, `member_change_invalid`, `epoch_wrong`, `checkpoint_invalid`
 */
export function checkRights({ header, section, author, before, after }: Commit): void {
  if (before !== null) {
    checkAuthor(header, section, author)
    checkContent(header, section)
    for (const change of section.members) checkChange(section, change, author, findMember(before, change.accountId))
  }
  if (after.length > MAX_MEMBERS) throw new VaultError('limits_exceeded', 'members')
  if (!after.some(isActiveOwner)) throw new VaultError('member_change_invalid', 'no owner left')
  if (section.epochChange !== null) checkEpochChange(section, after, before === null, author)
}

function isActiveOwner(member: Member): boolean {
  return member.role === 'owner' && member.state === 'active'
}

function checkAuthor(header: CommitHeader, section: Section, author: Member): void {
  // Whatever the role, a member may change only their own state or card, under the card listed before.
  const [only] = section.members
  const ownRowOnly =
    section.members.length === 1 &&
    only !== undefined &&
    equalBytes(only.accountId, author.accountId) &&
    section.epochChange === null
  if (ownRowOnly) return
  if (author.state !== 'active' || author.role === 'reader') throw new VaultError('author_not_allowed', 'role')
  if (header.membership && author.role !== 'owner') throw new VaultError('author_not_allowed', 'role')
  if (header.checkpointHash !== null && author.role !== 'owner') throw new VaultError('checkpoint_invalid', 'role')
}

function checkContent(header: CommitHeader, section: Section): void {
  if (!header.membership && header.checkpointHash === null) return
  if (header.membership && header.checkpointHash !== null) throw new VaultError('checkpoint_invalid', 'membership')
  if (header.bodyLength !== EMPTY_BODY_LENGTH) throw new VaultError('content_not_allowed', 'operations')
  if (header.membership && (section.added.length > 0 || section.released.length > 0)) {
    throw new VaultError('content_not_allowed', 'references')
  }
}

function checkChange(section: Section, change: MemberChange, author: Member, row: Member | null): void {
  const fail = (reason: string): never => {
    throw new VaultError('member_change_invalid', reason)
  }
  if (row === null) {
    if (change.state !== 'invited') fail('added as something else than invited')
    if ((change.wrap === null) !== (section.epochChange !== null)) fail('wrap of a member added')
    return
  }
  if (change.wrap !== null) fail('wrap of a member not added')
  if (change.suite < row.suite) fail('suite decreases')
  const sameCard = equalBytes(change.cardHash, row.cardHash) && equalBytes(change.publicKey, row.publicKey)
  if (sameCard && change.state === row.state && change.role === row.role) fail('nothing changes')
  const own = equalBytes(row.accountId, author.accountId)
  if (change.role !== row.role && (author.role !== 'owner' || change.state !== row.state)) fail('role')
  if (own) {
    if (change.state === 'removed' && !sameCard) fail('card of a member removed')
    if (change.state === 'invited' && row.state === 'active') fail('state')
    return
  }
  if (!sameCard) fail("another member's card")
  if (change.state === 'removed' ? section.epochChange === null : change.state !== row.state) fail('state')
}

function checkEpochChange(section: Section, after: readonly Member[], genesis: boolean, author: Member): void {
  const { epochChange } = section
  if (epochChange === null) return
  if (!genesis && epochChange.sealedPreviousKey === null) throw new VaultError('epoch_wrong', 'previous key')
  const remaining = findMember(after, author.accountId)
  if (remaining === null || !isActiveOwner(remaining)) throw new VaultError('epoch_wrong', 'author leaves')
  const complete =
    epochChange.wraps.length === after.length &&
    after.every((member, index) =>
      equalBytes(member.accountId, epochChange.wraps[index]?.accountId ?? new Uint8Array(0)),
    )
  if (!complete) throw new VaultError('epoch_wrong', 'wraps')
}
