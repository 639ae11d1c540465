import { checkSealed, equalBytes, isSmallOrder, signatureMessage } from '@strongroom/crypto/envelope'
import { CryptoError } from '@strongroom/crypto/errors'
import type { CommitHeader, CommitParts } from './commit-header.ts'
import { splitCommit } from './commit-header.ts'
import { VaultError } from './errors.ts'
import type { Hasher, Verifier } from './hashes.ts'
import { commitHash, deriveVaultId, membersHash } from './hashes.ts'
import { EMPTY_BODY_LENGTH } from './limits.ts'
import type { Member } from './members.ts'
import { changedMembers, findMember } from './members.ts'
import { checkGenesis, checkRights } from './rules.ts'
import type { Section } from './section.ts'
import { decodeSection } from './section.ts'

/** What a verifier knows of a vault's chain: everything that the next commit is checked against. */
export interface ChainState {
  vaultId: Uint8Array
  head: { seq: number; hash: Uint8Array } | null
  /** Epoch of the next commit. */
  epoch: number
  /** Sorted by account id; removed members are left out. */
  members: Member[]
}

export interface VerifiedCommit {
  header: CommitHeader
  hash: Uint8Array
  section: Section
  /** View of the bytes given; still sealed. */
  sealedBody: Uint8Array
  /** The chain after this commit. */
  next: ChainState
}

export interface VerifyInput {
  hasher: Hasher
  verifier: Verifier
  /** null: the commit must be a genesis. */
  state: ChainState | null
  bytes: Uint8Array
}

/**
 * Checks everything about a commit that can be checked without keys, in the order of `spec/vault-log.md` §4.
 * A throw other than `upgrade_required` means that the log was tampered with, or its author's client is broken:
 * the commit must not be accepted by a server, and stops a client.
 *
 * @throws VaultError with the code of the first rule broken
 */
export async function verifyCommit({ hasher, verifier, state, bytes }: VerifyInput): Promise<VerifiedCommit> {
  const parts = splitCommit(bytes)
  const { header } = parts
  await checkParts(hasher, parts)
  const hash = await commitHash(hasher, parts.headerBytes)
  checkChain(header, state)
  const section = decodeSection(parts.sectionBytes)
  checkBody(parts.sealedBody)
  checkFlags(header, section)
  const { author, members } =
    state === null ? await foundation(hasher, header, section) : memberAuthor(header, section, state)
  const message = signatureMessage('commit', hash)
  if (!(await verifier.ed25519Verify(author.publicKey, message, parts.signature)))
    throw new VaultError('signature_invalid')
  if (header.epoch !== (state?.epoch ?? 1)) throw new VaultError('epoch_wrong', 'header')
  checkRights({ header, section, author, before: state?.members ?? null, after: members })
  if (!equalBytes(await membersHash(hasher, members), header.membersHash)) throw new VaultError('members_mismatch')
  const epoch = header.epoch + (state !== null && section.epochChange !== null ? 1 : 0)
  if (epoch > 0xffffffff) throw new VaultError('epoch_wrong', 'no epoch left')
  const next: ChainState = { vaultId: header.vaultId, head: { seq: header.seq, hash }, epoch, members }
  return { header, hash, section, sealedBody: parts.sealedBody, next }
}

async function checkParts(hasher: Hasher, parts: CommitParts): Promise<void> {
  const [sectionHash, bodyHash] = await Promise.all([
    hasher.sha256(parts.sectionBytes),
    hasher.sha256(parts.sealedBody),
  ])
  if (!equalBytes(sectionHash, parts.header.sectionHash)) throw new VaultError('section_mismatch')
  if (!equalBytes(bodyHash, parts.header.bodyHash)) throw new VaultError('body_mismatch')
}

function checkChain(header: CommitHeader, state: ChainState | null): void {
  if (state === null) {
    if (header.seq !== 0 || header.prev.some((byte) => byte !== 0)) throw new VaultError('chain_broken', 'no genesis')
    return
  }
  if (state.head === null) throw new VaultError('chain_broken', 'no head')
  if (!equalBytes(header.vaultId, state.vaultId)) throw new VaultError('chain_broken', 'vault')
  if (header.seq !== state.head.seq + 1) throw new VaultError('chain_broken', 'sequence number')
  if (!equalBytes(header.prev, state.head.hash)) throw new VaultError('chain_broken', 'previous hash')
}

function checkBody(sealedBody: Uint8Array): void {
  if (sealedBody.length < EMPTY_BODY_LENGTH) throw new VaultError('commit_malformed', 'body length')
  try {
    checkSealed(sealedBody)
  } catch (cause) {
    const newer = cause instanceof CryptoError && cause.code === 'upgrade_required'
    throw new VaultError(newer ? 'upgrade_required' : 'commit_malformed', 'sealed body', { cause })
  }
}

function checkFlags(header: CommitHeader, section: Section): void {
  const membership = section.members.length > 0 || section.epochChange !== null
  if (membership !== header.membership) throw new VaultError('flags_wrong', 'membership')
}

function memberAuthor(
  header: CommitHeader,
  section: Section,
  state: ChainState,
): { author: Member; members: Member[] } {
  if (section.genesis !== null) throw new VaultError('genesis_invalid', 'genesis inside a chain')
  const author = findMember(state.members, header.accountId)
  if (author === null) throw new VaultError('author_not_allowed', 'not a member')
  if (author.suite !== header.suite) throw new VaultError('author_not_allowed', 'suite')
  if (!equalBytes(author.cardHash, header.cardHash)) throw new VaultError('author_not_allowed', 'card')
  checkKeys(section)
  return { author, members: changedMembers(state.members, section.members) }
}

async function foundation(
  hasher: Hasher,
  header: CommitHeader,
  section: Section,
): Promise<{ author: Member; members: Member[] }> {
  const author = checkGenesis(header, section)
  const { founderCardHash, random } = section.genesis ?? {
    founderCardHash: header.cardHash,
    random: new Uint8Array(32),
  }
  if (!equalBytes(await deriveVaultId(hasher, founderCardHash, random), header.vaultId)) {
    throw new VaultError('genesis_invalid', 'vault id')
  }
  checkKeys(section)
  return { author, members: changedMembers([], section.members) }
}

function checkKeys(section: Section): void {
  for (const change of section.members) {
    if (isSmallOrder(change.publicKey)) throw new VaultError('key_refused')
  }
}
