import {
  type AccountId,
  asAccountId,
  asVaultKey,
  type CryptoEngine,
  CryptoError,
  checkVaultKeyCommitment,
  equalBytes,
  hpkeOpenVaultKey,
  type Keyring,
  openPreviousVaultKey,
  SecretBytes,
  signatureMessage,
  type VaultId,
  type VaultKey,
  type VaultKeys,
  vaultKeys,
} from '@strongroom/crypto'
import {
  type CommitHeader,
  commitHash,
  decodeSection,
  HEADER_LENGTH,
  parseHeader,
  type Section,
  SIGNATURE_LENGTH,
  VaultError,
} from '@strongroom/vault'
import { integrityError } from '../errors.ts'
import type { KeyringSource } from '../session/keyring-source.ts'
import type { Api } from '../transport/api.ts'

export interface EpochKeys extends VaultKeys {
  readonly vaultKey: VaultKey
}

/** The keys of a vault's epochs, each found when it is needed. */
export interface Epochs {
  /** Keys of an epoch; borrowed. @throws ClientError `integrity` when the log does not lead to them */
  of(epoch: number): Promise<EpochKeys>
  /** Takes in what a verified commit that starts an epoch says of its key. @throws ClientError `integrity` */
  learn(epoch: number, section: Section): Promise<void>
  /** Takes in the key of an epoch that this process has started; keeps a copy. */
  add(epoch: number, key: VaultKey): Promise<void>
  dispose(): void
}

export interface EpochsOptions {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly vaultId: VaultId
  readonly source: KeyringSource
}

/** A commit that changes members or starts an epoch, as the server keeps it. */
export interface MembershipCommit {
  readonly header: CommitHeader
  readonly section: Section
  readonly hash: Uint8Array
  readonly signature: Uint8Array
}

// [Note: Keys of epochs]
// The keyring holds the newest vault key that its writer knew. Older ones are opened one after the other: each epoch's
// first commit holds the key before, sealed under its own, so that whoever does not know the newer key cannot invent an
// older one. Newer ones come from the wrap for this account in commits that were verified with the chain. A wrap alone
// proves nothing, because anybody can make one: where the commit was not verified with the chain, it must be signed by
// this account, and hold the key before it, which no server knows.

/** The keys that lead from the keyring to every epoch of a vault. */
export async function epochKeys(options: EpochsOptions): Promise<Epochs> {
  const { engine, api, vaultId, source } = options
  const known = new Map<number, EpochKeys>()
  let commits: Map<number, MembershipCommit> | null = null

  const add = async (epoch: number, key: VaultKey): Promise<void> => {
    if (known.has(epoch)) return
    const copy = asVaultKey(SecretBytes.take(key.use((bytes) => bytes.slice())))
    known.set(epoch, { ...(await vaultKeys(engine, copy, { vaultId, epoch })), vaultKey: copy })
  }
  const addCurrent = () => add(source.current.vaultEpoch, source.current.vaultKey)

  const commitOf = async (epoch: number): Promise<MembershipCommit> => {
    if (commits === null || !commits.has(epoch)) commits = await readEpochCommits(engine, api, vaultId)
    const commit = commits.get(epoch)
    if (commit === undefined) throw integrityError('the start of an epoch, which the server keeps back')
    return commit
  }

  /** From a known epoch down to an older one. */
  const stepDown = async (from: number): Promise<void> => {
    const above = needed(known.get(from))
    const { epochChange } = (await commitOf(from)).section
    const sealed = epochChange?.sealedPreviousKey ?? null
    if (sealed === null) throw integrityError('the key of an epoch')
    const key = await checked(() => openPreviousVaultKey(engine, above.vaultKey, { vaultId, epoch: from }, sealed))
    try {
      await checkCommitment(from - 1, key, (await commitOf(from - 1)).section)
      await add(from - 1, key)
    } finally {
      key.dispose()
    }
  }

  /** From a known epoch up to the next, of which only the account's own signature tells. */
  const stepUp = async (from: number): Promise<void> => {
    const { header, section, hash, signature } = await commitOf(from + 1)
    const { accountId, identitySeeds } = source.current
    const publicKey = await identitySeeds.ed25519.use((seed) => engine.ed25519PublicKey(seed))
    const own = equalBytes(header.accountId, accountId) && header.epoch === from
    if (!own || !(await engine.ed25519Verify(publicKey, signatureMessage('commit', hash), signature))) {
      throw integrityError('the start of an epoch')
    }
    await unwrap(from + 1, section)
  }

  const checkCommitment = (epoch: number, key: VaultKey, { epochChange }: Section): Promise<void> =>
    checked(async () => {
      if (epochChange === null) throw integrityError('the start of an epoch')
      await checkVaultKeyCommitment(engine, key, { vaultId, epoch }, epochChange.keyCommitment)
    })

  /** The key in the account's own wrap, checked against the commitment and the key before. */
  const unwrap = async (epoch: number, section: Section): Promise<void> => {
    const key = await openOwnWrap(source.current, { vaultId, epoch, section })
    if (key === null) {
      // The card may have changed with the epoch: then the keyring has a new identity, and this key.
      await source.refresh(undefined)
      await addCurrent()
      if (!known.has(epoch)) throw integrityError('the key of an epoch')
      return await checkCommitment(epoch, needed(known.get(epoch)).vaultKey, section)
    }
    try {
      await checkCommitment(epoch, key, section)
      await checkPrevious(epoch, key, section)
      await add(epoch, key)
    } finally {
      key.dispose()
    }
  }

  const checkPrevious = async (epoch: number, key: VaultKey, { epochChange }: Section): Promise<void> => {
    const sealed = epochChange?.sealedPreviousKey ?? null
    if (sealed === null) return
    const before = await checked(() => openPreviousVaultKey(engine, key, { vaultId, epoch }, sealed))
    try {
      const expected = known.get(epoch - 1)
      if (expected === undefined) return
      const same = before.use((ours) => expected.vaultKey.use((theirs) => equalBytes(ours, theirs)))
      if (!same) throw integrityError('the key of an epoch')
    } finally {
      before.dispose()
    }
  }

  await addCurrent()
  return {
    add,
    async of(epoch) {
      if (!known.has(epoch) && epoch > Math.max(...known.keys())) {
        await source.refresh(undefined)
        await addCurrent()
        for (let at = Math.max(...known.keys()); at < epoch; at += 1) await stepUp(at)
      }
      let at = Math.min(...[...known.keys()].filter((other) => other >= epoch))
      for (; at > epoch; at -= 1) await stepDown(at)
      return needed(known.get(epoch))
    },
    async learn(epoch, section) {
      const there = known.get(epoch)
      if (there === undefined) await unwrap(epoch, section)
      else await checkCommitment(epoch, there.vaultKey, section)
    },
    dispose() {
      for (const keys of known.values()) for (const key of Object.values(keys)) key.dispose()
    },
  }
}

function needed(keys: EpochKeys | undefined): EpochKeys {
  if (keys === undefined) throw integrityError('the key of an epoch')
  return keys
}

/** The vault key in the wrap for this account; null when none of its seeds opens it. */
async function openOwnWrap(
  keyring: Keyring,
  place: { vaultId: VaultId; epoch: number; section: Section },
): Promise<VaultKey | null> {
  const { vaultId, epoch, section } = place
  const accountId: AccountId = keyring.accountId
  const own = section.epochChange?.wraps.find((wrap) => equalBytes(asAccountId(wrap.accountId), accountId))
  if (own === undefined) throw integrityError('the wrap of an epoch')
  const { xwing, oldXwing } = keyring.identitySeeds
  for (const seed of [xwing, ...oldXwing]) {
    try {
      return await hpkeOpenVaultKey(seed, { vaultId, epoch, accountId }, own.wrap)
    } catch (error) {
      if (!(error instanceof CryptoError) || error.code !== 'decrypt_failed') throw error
    }
  }
  return null
}

async function checked<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (cause instanceof CryptoError && cause.code !== 'upgrade_required') {
      throw integrityError('the key of an epoch', cause)
    }
    throw cause
  }
}

/** The commits that start epochs, by those epochs. */
async function readEpochCommits(
  engine: CryptoEngine,
  api: Api,
  vaultId: VaultId,
): Promise<Map<number, MembershipCommit>> {
  const found = new Map<number, MembershipCommit>()
  for (const commit of await readMembership(engine, api, vaultId)) {
    const { header, section } = commit
    const epoch = header.seq === 0 ? header.epoch : header.epoch + 1
    if (section.epochChange !== null && !found.has(epoch)) found.set(epoch, commit)
  }
  return found
}

/**
 * Every commit that changes members or starts an epoch, in order. Nothing of it is verified but that its parts belong
 * together.
 *
 * @throws ClientError `integrity`, VaultError `upgrade_required`
 */
export async function readMembership(engine: CryptoEngine, api: Api, vaultId: VaultId): Promise<MembershipCommit[]> {
  const found: MembershipCommit[] = []
  for (let from = 0; ; ) {
    const query = { from, only: 'membership' as const }
    const { headers } = await api.call('headersRead', { params: { vaultId }, query })
    if (headers.length === 0) return found
    for (const bytes of headers) {
      const commit = await parseMembership(engine, bytes)
      const { header } = commit
      if (header.seq < from || !equalBytes(header.vaultId, vaultId)) throw integrityError('the place of a header')
      from = header.seq + 1
      found.push(commit)
    }
  }
}

async function parseMembership(engine: CryptoEngine, bytes: Uint8Array): Promise<MembershipCommit> {
  try {
    const headerBytes = bytes.subarray(0, HEADER_LENGTH)
    const header = parseHeader(headerBytes)
    const signature = bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + SIGNATURE_LENGTH)
    const sectionBytes = bytes.subarray(HEADER_LENGTH + SIGNATURE_LENGTH)
    if (!equalBytes(await engine.sha256(sectionBytes), header.sectionHash)) throw new VaultError('section_mismatch')
    return { header, section: decodeSection(sectionBytes), hash: await commitHash(engine, headerBytes), signature }
  } catch (cause) {
    if (!(cause instanceof VaultError) || cause.code === 'upgrade_required') throw cause
    throw integrityError('a header of the log', cause)
  }
}
