import type { CryptoEngine, SecretBytes, VaultKey } from '@strongroom/crypto'
import { vaultKeyCommitment, vaultKeys } from '@strongroom/crypto'
import type { AccountId, DeviceId, VaultId } from '@strongroom/crypto/envelope'
import { concat, signatureMessage } from '@strongroom/crypto/envelope'
import type { CommitHeader } from '../header/commit-header.ts'
import { encodeHeader } from '../header/commit-header.ts'
import { VaultError } from '../header/errors.ts'
import { commitHash, deriveVaultId, membersHash } from '../header/hashes.ts'
import { MAX_SECTION_LENGTH, SUITE_ED25519 } from '../header/limits.ts'
import { changedMembers } from '../header/members.ts'
import type { EpochChange, Section } from '../header/section.ts'
import { encodeSection } from '../header/section.ts'
import type { ChainState, VerifiedCommit } from '../header/verify-commit.ts'
import { verifyCommit } from '../header/verify-commit.ts'
import { sealBody } from './body.ts'
import type { Operation } from './operations.ts'

/** Who signs a commit. */
export interface Author {
  accountId: AccountId
  deviceId: DeviceId
  /** Hash of the author's newest card that the members table holds. */
  cardHash: Uint8Array
  /** Ed25519 seed; borrowed. */
  seed: SecretBytes
}

/** A signed commit, ready to be sent. */
export interface BuiltCommit {
  bytes: Uint8Array
  hash: Uint8Array
  header: CommitHeader
  section: Section
  /** The chain once this commit is accepted. */
  next: ChainState
}

export interface CommitInput {
  state: ChainState
  author: Author
  /** Log key of `state.epoch`; borrowed. */
  logKey: SecretBytes
  operations: readonly Operation[]
  /** Of `references(operations, state)`; a source vault may be filled in. */
  references: Pick<Section, 'added' | 'released'>
  changeId: Uint8Array
  timeMs: number
  members?: Section['members']
  epochChange?: EpochChange
  checkpointHash?: Uint8Array
}

/**
 * Builds and signs the next commit of a vault, and verifies it as everybody else will.
 *
 * @throws VaultError `limits_exceeded` when the operations must be split, or the code of the rule that they break
 */
export async function buildCommit(engine: CryptoEngine, input: CommitInput): Promise<BuiltCommit> {
  const { state } = input
  if (state.head === null) throw new VaultError('chain_broken', 'no head')
  const section: Section = {
    changeId: input.changeId,
    added: input.references.added,
    released: input.references.released,
    members: input.members ?? [],
    epochChange: input.epochChange ?? null,
    genesis: null,
  }
  const place = { vaultId: state.vaultId, epoch: state.epoch, seq: state.head.seq + 1 }
  const checkpointHash = input.checkpointHash ?? null
  return assemble(engine, { ...input, place, prev: state.head.hash, before: state, section, checkpointHash })
}

export interface GenesisInput {
  accountId: AccountId
  deviceId: DeviceId
  cardHash: Uint8Array
  /** Of the founder's identity; borrowed. */
  seeds: { ed25519: SecretBytes }
  /** Vault key of epoch 1; borrowed. */
  vaultKey: VaultKey
  /** HPKE wrap of the vault key for the founder: makes it, once the vault's id is known. */
  wrapVaultKey: (vaultId: VaultId) => Promise<Uint8Array>
  timeMs: number
  /** First operations, without contents: the device's name, settings. */
  operations?: readonly Operation[]
}

/** Founds a vault: its id and first commit. The change id and the id's random input are made here. */
export async function createGenesis(
  engine: CryptoEngine,
  input: GenesisInput,
): Promise<BuiltCommit & { vaultId: VaultId }> {
  const random = engine.randomBytes(32)
  const vaultId = (await deriveVaultId(engine, input.cardHash, random)) as VaultId // just made
  const { accountId, deviceId, cardHash } = input
  const publicKey = await input.seeds.ed25519.use((seed) => engine.ed25519PublicKey(seed))
  const section: Section = {
    changeId: engine.randomBytes(16),
    added: [],
    released: [],
    members: [{ accountId, role: 'owner', cardHash, suite: SUITE_ED25519, publicKey, state: 'active', wrap: null }],
    epochChange: {
      keyCommitment: await vaultKeyCommitment(engine, input.vaultKey, { vaultId, epoch: 1 }),
      sealedPreviousKey: null,
      wraps: [{ accountId, wrap: await input.wrapVaultKey(vaultId) }],
    },
    genesis: { founderCardHash: cardHash, random },
  }
  const keys = await vaultKeys(engine, input.vaultKey, { vaultId, epoch: 1 })
  try {
    const built = await assemble(engine, {
      place: { vaultId, epoch: 1, seq: 0 },
      prev: new Uint8Array(32),
      before: null,
      author: { accountId, deviceId, cardHash, seed: input.seeds.ed25519 },
      logKey: keys.logKey,
      operations: input.operations ?? [],
      timeMs: input.timeMs,
      section,
      checkpointHash: null,
    })
    return { ...built, vaultId }
  } finally {
    keys.logKey.dispose()
    keys.checkpointKey.dispose()
    keys.dekKek.dispose()
  }
}

interface Parts {
  place: { vaultId: Uint8Array; epoch: number; seq: number }
  prev: Uint8Array
  before: ChainState | null
  author: Author
  logKey: SecretBytes
  operations: readonly Operation[]
  timeMs: number
  section: Section
  checkpointHash: Uint8Array | null
}

async function assemble(engine: CryptoEngine, parts: Parts): Promise<BuiltCommit> {
  const { place, author, section } = parts
  const sectionBytes = encodeSection(section)
  if (sectionBytes.length > MAX_SECTION_LENGTH) throw new VaultError('limits_exceeded', 'section')
  const sealedBody = await sealBody(engine, parts.logKey, place, parts.operations)
  const headerBytes = encodeHeader({
    suite: SUITE_ED25519,
    membership: section.members.length > 0 || section.epochChange !== null,
    ...place,
    prev: parts.prev,
    accountId: author.accountId,
    deviceId: author.deviceId,
    cardHash: author.cardHash,
    timeMs: parts.timeMs,
    sectionHash: await engine.sha256(sectionBytes),
    sectionLength: sectionBytes.length,
    bodyHash: await engine.sha256(sealedBody),
    bodyLength: sealedBody.length,
    membersHash: await membersHash(engine, changedMembers(parts.before?.members ?? [], section.members)),
    checkpointHash: parts.checkpointHash,
  })
  const message = signatureMessage('commit', await commitHash(engine, headerBytes))
  const signature = await author.seed.use((seed) => engine.ed25519Sign(seed, message))
  const bytes = concat(headerBytes, signature, sectionBytes, sealedBody)
  const verified: VerifiedCommit = await verifyCommit({ hasher: engine, verifier: engine, state: parts.before, bytes })
  return { bytes, hash: verified.hash, header: verified.header, section: verified.section, next: verified.next }
}
