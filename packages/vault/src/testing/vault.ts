import type { AccountId, CryptoEngine, DeviceId, SecretBytes, VaultId, VaultKey } from '@strongroom/crypto'
import { generateVaultKey, SecretBytes as Secret, vaultKeyCommitment, vaultKeys } from '@strongroom/crypto'
import { concat, signatureMessage } from '@strongroom/crypto/envelope'
import { nodeEngine } from '@strongroom/crypto/node'
import { type CommitHeader, encodeHeader } from '../header/commit-header.ts'
import { commitHash, membersHash } from '../header/hashes.ts'
import { MEMBER_WRAP_LENGTH, SEALED_KEY_LENGTH } from '../header/limits.ts'
import { changedMembers, type MemberChange, type Role } from '../header/members.ts'
import { type EpochChange, encodeSection, type Section } from '../header/section.ts'
import type { ChainState, VerifiedCommit } from '../header/verify-commit.ts'
import { verifyCommit } from '../header/verify-commit.ts'
import { sealBody } from '../log/body.ts'
import { type Author, type BuiltCommit, createGenesis } from '../log/build-commit.ts'
import type { Operation } from '../log/operations.ts'

export const engine: CryptoEngine = nodeEngine()

/** Someone who can sign. */
export interface Person extends Author {
  publicKey: Uint8Array
}

/** A person whose ids and keys follow from a number. */
export async function person(number: number): Promise<Person> {
  const seed: SecretBytes = Secret.copyOf(new Uint8Array(32).fill(number))
  return {
    accountId: new Uint8Array(16).fill(number) as Uint8Array as AccountId, // 16 bytes
    deviceId: new Uint8Array(16).fill(0x80 + number) as Uint8Array as DeviceId, // 16 bytes
    cardHash: new Uint8Array(32).fill(number),
    seed,
    publicKey: new Uint8Array(await seed.use((bytes) => engine.ed25519PublicKey(bytes))),
  }
}

/** Something of the form of an HPKE wrap. */
export function wrap(number: number): Uint8Array {
  const bytes = new Uint8Array(MEMBER_WRAP_LENGTH).fill(number)
  bytes[0] = 1
  return bytes
}

export interface TestVault {
  founder: Person
  genesis: BuiltCommit
  vaultId: VaultId
  vaultKey: VaultKey
  logKey: SecretBytes
}

/** A vault founded by person 1. */
export async function foundVault(): Promise<TestVault> {
  const founder = await person(1)
  const vaultKey = generateVaultKey(engine)
  const genesis = await createGenesis(engine, {
    ...founder,
    seeds: { ed25519: founder.seed },
    vaultKey,
    wrapVaultKey: async () => wrap(1),
    timeMs: 1000,
  })
  const { vaultId } = genesis
  const { logKey } = await vaultKeys(engine, vaultKey, { vaultId, epoch: 1 })
  return { founder, genesis, vaultId, vaultKey, logKey }
}

/** A member's new row. */
export function change(
  who: Person,
  role: Role,
  state: MemberChange['state'],
  more: Partial<MemberChange> = {},
): MemberChange {
  const { accountId, cardHash, publicKey } = who
  return { accountId, role, cardHash, suite: 1, publicKey, state, wrap: null, ...more }
}

/** An epoch change for these people, in the order of their numbers. */
export async function epochChange(vault: TestVault, people: readonly Person[], epoch = 2): Promise<EpochChange> {
  const sealedPreviousKey = new Uint8Array(SEALED_KEY_LENGTH)
  sealedPreviousKey[0] = 1
  return {
    keyCommitment: await vaultKeyCommitment(engine, vault.vaultKey, { vaultId: vault.vaultId, epoch }),
    sealedPreviousKey,
    wraps: people.map(({ accountId }) => ({ accountId, wrap: wrap(2) })),
  }
}

interface Forgery {
  vault: TestVault
  state: ChainState
  author: Person
  section?: Partial<Section>
  operations?: readonly Operation[]
  header?: Partial<CommitHeader>
  /** In place of the encoded section. */
  sectionBytes?: Uint8Array
  sealedBody?: Uint8Array
}

/** Signs a commit without asking whether it is right: what a broken or hostile client could send. */
export async function forge(forgery: Forgery): Promise<Uint8Array> {
  const { vault, state, author } = forgery
  const section: Section = {
    changeId: new Uint8Array(16).fill(9),
    added: [],
    released: [],
    members: [],
    epochChange: null,
    genesis: null,
    ...forgery.section,
  }
  const sectionBytes = forgery.sectionBytes ?? encodeSection(section)
  const place = { vaultId: state.vaultId, epoch: state.epoch, seq: (state.head?.seq ?? -1) + 1 }
  const sealedBody = forgery.sealedBody ?? (await sealBody(engine, vault.logKey, place, forgery.operations ?? []))
  const headerBytes = encodeHeader({
    suite: 1,
    membership: section.members.length > 0 || section.epochChange !== null,
    ...place,
    prev: state.head?.hash ?? new Uint8Array(32),
    accountId: author.accountId,
    deviceId: author.deviceId,
    cardHash: author.cardHash,
    timeMs: 2000,
    sectionHash: await engine.sha256(sectionBytes),
    sectionLength: sectionBytes.length,
    bodyHash: await engine.sha256(sealedBody),
    bodyLength: sealedBody.length,
    membersHash: await membersHash(engine, changedMembers(state.members, section.members)),
    checkpointHash: null,
    ...forgery.header,
  })
  const message = signatureMessage('commit', await commitHash(engine, headerBytes))
  const signature = await author.seed.use((seed) => engine.ed25519Sign(seed, message))
  return concat(headerBytes, signature, sectionBytes, sealedBody)
}

/** Verifies with the test engine. */
export function verify(state: ChainState | null, bytes: Uint8Array): Promise<VerifiedCommit> {
  return verifyCommit({ hasher: engine, verifier: engine, state, bytes })
}
