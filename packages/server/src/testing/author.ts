import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import { cardHashMessage, compareBytes, signatureMessage } from '@strongroom/crypto/envelope'
import {
  type ChainState,
  changedMembers,
  commitHash,
  deriveVaultId,
  EMPTY_BODY_LENGTH,
  encodeHeader,
  encodeSection,
  MEMBER_WRAP_LENGTH,
  membersHash,
  type Section,
} from '@strongroom/vault/header'

const hasher = { sha256: async (bytes: Uint8Array) => new Uint8Array(createHash('sha256').update(bytes).digest()) }

/** Someone who signs commits; bodies are random bytes, which to a server look like any other. */
export interface Author {
  readonly accountId: Uint8Array
  readonly deviceId: Uint8Array
  readonly card: { readonly bytes: Uint8Array; readonly hash: Uint8Array }
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
}

export interface AuthoredCommit {
  readonly bytes: Uint8Array
  readonly next: ChainState
}

interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: Uint8Array
}

/** Reason: reading a key costs ten times as much as signing, and who loads a server signs thousands of commits. */
const pairs = new WeakMap<Uint8Array, KeyPair>()

function keyPair(seed: Uint8Array): KeyPair {
  const known = pairs.get(seed)
  if (known !== undefined) return known
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const pair = { privateKey, publicKey: new Uint8Array(spki.subarray(-32)) }
  pairs.set(seed, pair)
  return pair
}

/** @param previous - whose identity this one takes the place of; none for a new account */
export async function createAuthor(previous?: Author): Promise<Author> {
  const accountId = previous?.accountId ?? new Uint8Array(randomBytes(16))
  const seed = new Uint8Array(randomBytes(32))
  const { privateKey, publicKey } = keyPair(seed)
  const time = Buffer.alloc(8)
  time.writeBigInt64BE(BigInt(Date.now()))
  // Version and suite, account, keys (nobody seals anything to the second), time, card before (keys.md, cards).
  const before = previous?.card.hash ?? Buffer.alloc(32)
  const body = Buffer.concat([Buffer.of(1, 1), accountId, publicKey, randomBytes(1216), time, before])
  const hash = await hasher.sha256(cardHashMessage(new Uint8Array(body)))
  const signature = sign(null, signatureMessage('card', hash), privateKey)
  const succession =
    previous === undefined
      ? Buffer.alloc(64)
      : sign(null, signatureMessage('card-succession', hash), keyPair(previous.seed).privateKey)
  const card = { bytes: new Uint8Array(Buffer.concat([body, signature, succession])), hash }
  return {
    accountId,
    deviceId: previous?.deviceId ?? new Uint8Array(randomBytes(16)),
    card,
    seed,
    publicKey,
  }
}

/** Signs a message with the author's identity. */
export function signAs(author: Author, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, keyPair(author.seed).privateKey))
}

/** Sealed bytes that no key opens: the format's version, then anything. */
function fakeBody(length = EMPTY_BODY_LENGTH): Uint8Array {
  const bytes = new Uint8Array(randomBytes(length))
  bytes[0] = 1
  return bytes
}

async function assemble(
  author: Author,
  input: {
    state: ChainState | null
    vaultId: Uint8Array
    section: Section
    members: ChainState['members']
    bodyLength?: number
    checkpointHash?: Uint8Array
  },
): Promise<AuthoredCommit> {
  const sectionBytes = encodeSection(input.section)
  const body = fakeBody(input.bodyLength)
  const epoch = input.state?.epoch ?? 1
  const headerBytes = encodeHeader({
    suite: 1,
    membership: input.section.members.length > 0 || input.section.epochChange !== null,
    vaultId: input.vaultId,
    seq: input.state?.head === null || input.state === null ? 0 : input.state.head.seq + 1,
    prev: input.state?.head?.hash ?? new Uint8Array(32),
    epoch,
    accountId: author.accountId,
    deviceId: author.deviceId,
    cardHash: author.card.hash,
    timeMs: Date.now(),
    sectionHash: await hasher.sha256(sectionBytes),
    sectionLength: sectionBytes.length,
    bodyHash: await hasher.sha256(body),
    bodyLength: body.length,
    membersHash: await membersHash(hasher, input.members),
    checkpointHash: input.checkpointHash ?? null,
  })
  const hash = await commitHash(hasher, headerBytes)
  const signature = sign(null, signatureMessage('commit', hash), keyPair(author.seed).privateKey)
  const seq = input.state?.head == null ? 0 : input.state.head.seq + 1
  return {
    bytes: new Uint8Array(Buffer.concat([headerBytes, signature, sectionBytes, body])),
    next: {
      vaultId: input.vaultId,
      head: { seq, hash },
      epoch: input.state !== null && input.section.epochChange !== null ? epoch + 1 : epoch,
      members: input.members,
    },
  }
}

/** The first commit of a private vault. */
export async function authorGenesis(author: Author): Promise<AuthoredCommit> {
  const random = new Uint8Array(randomBytes(32))
  const vaultId = await deriveVaultId(hasher, author.card.hash, random)
  const member = {
    accountId: author.accountId,
    role: 'owner' as const,
    cardHash: author.card.hash,
    suite: 1,
    publicKey: author.publicKey,
    state: 'active' as const,
  }
  const section: Section = {
    changeId: new Uint8Array(randomBytes(16)),
    added: [],
    released: [],
    members: [{ ...member, wrap: null }],
    epochChange: {
      keyCommitment: new Uint8Array(randomBytes(32)),
      sealedPreviousKey: null,
      wraps: [{ accountId: author.accountId, wrap: fakeBody(MEMBER_WRAP_LENGTH) }],
    },
    genesis: { founderCardHash: author.card.hash, random },
  }
  return assemble(author, { state: null, vaultId, section, members: [member] })
}

/** A commit that adds and releases references. */
export async function authorCommit(
  author: Author,
  state: ChainState,
  references: {
    added?: readonly { blobId: Uint8Array; count?: number; sourceVault?: Uint8Array | null }[]
    released?: readonly { blobId: Uint8Array; count?: number }[]
    bodyLength?: number
    checkpointHash?: Uint8Array
  } = {},
): Promise<AuthoredCommit> {
  const sorted = <T extends { blobId: Uint8Array }>(items: readonly T[]) =>
    [...items].sort((left, right) => compareBytes(left.blobId, right.blobId))
  const section: Section = {
    changeId: new Uint8Array(randomBytes(16)),
    added: sorted(references.added ?? []).map((item) => ({
      blobId: item.blobId,
      count: item.count ?? 1,
      sourceVault: item.sourceVault ?? null,
    })),
    released: sorted(references.released ?? []).map((item) => ({ blobId: item.blobId, count: item.count ?? 1 })),
    members: [],
    epochChange: null,
    genesis: null,
  }
  return assemble(author, {
    state,
    vaultId: state.vaultId,
    section,
    members: state.members,
    ...(references.bodyLength === undefined ? {} : { bodyLength: references.bodyLength }),
    ...(references.checkpointHash === undefined ? {} : { checkpointHash: references.checkpointHash }),
  })
}

/** A commit that starts an epoch, and that puts `next`, if given, in the place of its author's card. */
export async function authorEpoch(author: Author, state: ChainState, next?: Author): Promise<AuthoredCommit> {
  const changes = state.members
    .filter((member) => next !== undefined && compareBytes(member.accountId, next.accountId) === 0)
    .map((member) => ({
      ...member,
      cardHash: next?.card.hash ?? member.cardHash,
      publicKey: next?.publicKey ?? member.publicKey,
      wrap: null,
    }))
  const section: Section = {
    changeId: new Uint8Array(randomBytes(16)),
    added: [],
    released: [],
    members: changes,
    epochChange: {
      keyCommitment: new Uint8Array(randomBytes(32)),
      sealedPreviousKey: fakeBody(105),
      wraps: state.members.map(({ accountId }) => ({ accountId, wrap: fakeBody(MEMBER_WRAP_LENGTH) })),
    },
    genesis: null,
  }
  return assemble(author, { state, vaultId: state.vaultId, section, members: changedMembers(state.members, changes) })
}
