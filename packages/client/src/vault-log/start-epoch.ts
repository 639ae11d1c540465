import {
  type Anchor,
  asVaultKey,
  type CryptoEngine,
  createCard,
  disposeKeyring,
  equalBytes,
  generateIdentitySeeds,
  generateVaultKey,
  hpkeSealVaultKey,
  type IdentitySeeds,
  type Keyring,
  keyringChangeMessage,
  sealPreviousVaultKey,
  signatureMessage,
  type VaultKey,
  vaultKeyCommitment,
  xwingPublicKey,
} from '@strongroom/crypto'
import {
  type BuiltCommit,
  buildCommit,
  type ChainState,
  findMember,
  isChangeApplied,
  type Member,
  type MemberChange,
  membersHash,
} from '@strongroom/vault'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import type { KeyringSource } from '../session/keyring-source.ts'
import { forked } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import type { AppendOptions } from './append.ts'
import type { Epochs } from './epochs.ts'
import { sleepAWhile } from './turns.ts'
import type { EpochWish } from './types.ts'

/** Old X-Wing seeds in a keyring, as its format allows. */
const MOST_OLD_SEEDS = 1000

export interface EpochStarting extends AppendOptions {
  readonly epochs: Epochs
  readonly source: KeyringSource
}

/**
 * Starts the next epoch of the private vault: the commit and the keyring that knows its key are stored in one
 * transaction, or not at all.
 *
 * @returns the epoch that begins after it; false in `own` when another device started one meanwhile, which serves as well
 */
export async function startEpoch(
  options: EpochStarting,
  { identity }: EpochWish,
  signal: AbortSignal | undefined,
): Promise<{ epoch: number; own: boolean }> {
  const { engine, api, vaultId, log, epochs, source } = options
  await log.sync(signal)
  let before = log.chain?.epoch ?? 0
  const changeId = engine.randomBytes(16)
  using vaultKey = generateVaultKey(engine)
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal)
    const chain = chainOf(options)
    const next = identity ? await nextIdentity(options, chain) : null
    const built = await build(options, { chain, vaultKey, changeId, next })
    const epoch = built.next.epoch
    const { header, hash } = built
    const anchor = { seq: header.seq, commitHash: hash, membersHash: header.membersHash }
    const keyring = nextKeyring(source.current, { vaultKey, epoch, anchor, seeds: next?.seeds ?? null })
    const sealed = await source.seal(keyring)
    const expectedVersion = source.current.version
    const card = next === null ? {} : { card: next.card.bytes }
    const body = { commit: built.bytes, wraps: [], keyring: { expectedVersion, sealed }, ...card }
    try {
      const head = await api.call('commitAppend', { params: { vaultId }, body, signal })
      if (head.seq !== header.seq || !equalBytes(head.hash, hash)) throw forked()
      await epochs.add(epoch, vaultKey)
      await log.adopt(built, [])
      await source.adopt({ keyring, sealed })
      return { epoch, own: true }
    } catch (error) {
      disposeKeyring(keyring)
      const code = apiCode(error)
      if (code !== 'head_moved' && code !== 'versions_moved') throw error
    }
    const fresh = await source.refresh(signal)
    const news = await log.sync(signal)
    const now = log.chain?.epoch ?? 0
    const own = isChangeApplied(log.state, changeId)
    // Another epoch serves as well, another identity does not.
    if (own || (now > before && !identity)) return { epoch: now, own }
    before = now
    // Reason: who lost to nobody would lose forever.
    if (news === 0 && !fresh) throw new ClientError('server', 'The server refuses a commit for nothing newer.')
    await sleepAWhile(options, attempt, signal)
  }
}

function chainOf({ log, author }: EpochStarting): ChainState & { readonly own: Member } {
  const { chain } = log
  if (chain === null) throw new Error('a log is synced before its first commit')
  const own = findMember(chain.members, author.accountId)
  // A private vault has one member; the keys of others would come from their pinned cards.
  if (own === null || chain.members.length !== 1) throw integrityError('the members of the private vault')
  return { ...chain, own }
}

interface NextIdentity {
  /** The receiver's to dispose of. */
  readonly seeds: IdentitySeeds
  readonly card: { readonly bytes: Uint8Array; readonly hash: Uint8Array }
}

/** New identity keys and their card, signed by the card before. Old X-Wing seeds are kept, so that old wraps open. */
async function nextIdentity(
  { engine, author, clock, source }: EpochStarting,
  { own }: { own: Member },
): Promise<NextIdentity> {
  const { ed25519, xwing, oldXwing } = source.current.identitySeeds
  const old = [xwing, ...oldXwing].slice(0, MOST_OLD_SEEDS).map((seed) => seed.clone())
  const seeds = { ...generateIdentitySeeds(engine), oldXwing: old }
  const about = { accountId: author.accountId, timeMs: clock.nowMs() }
  return { seeds, card: await createCard(engine, seeds, about, { hash: own.cardHash, seed: ed25519 }) }
}

async function build(
  { engine, author, clock, vaultId, epochs, source }: EpochStarting,
  input: {
    readonly chain: ChainState & { readonly own: Member }
    readonly vaultKey: VaultKey
    readonly changeId: Uint8Array
    readonly next: NextIdentity | null
  },
): Promise<BuiltCommit> {
  const { vaultKey, next } = input
  const { own, ...chain } = input.chain
  const { accountId } = author
  const place = { vaultId, epoch: chain.epoch + 1 }
  const old = await epochs.of(chain.epoch)
  const seeds = next?.seeds ?? source.current.identitySeeds
  const publicKey = await xwingPublicKey(seeds.xwing)
  return await buildCommit(engine, {
    state: chain,
    author: { ...author, cardHash: own.cardHash },
    logKey: old.logKey,
    operations: [],
    references: { added: [], released: [] },
    changeId: input.changeId,
    timeMs: clock.nowMs(),
    members: next === null ? [] : [await changedRow(engine, own, next)],
    epochChange: {
      keyCommitment: await vaultKeyCommitment(engine, vaultKey, place),
      sealedPreviousKey: await sealPreviousVaultKey(engine, vaultKey, place, old.vaultKey),
      wraps: [{ accountId, wrap: await hpkeSealVaultKey(publicKey, { ...place, accountId }, vaultKey) }],
    },
  })
}

async function changedRow(engine: CryptoEngine, own: Member, { seeds, card }: NextIdentity): Promise<MemberChange> {
  const publicKey = await seeds.ed25519.use((seed) => engine.ed25519PublicKey(seed))
  return { ...own, cardHash: card.hash, publicKey, wrap: null }
}

interface KeyringEpoch {
  readonly vaultKey: VaultKey
  readonly epoch: number
  readonly anchor: Anchor
  /** New ones, which it takes; null keeps those that there are. */
  readonly seeds: IdentitySeeds | null
}

/** The keyring once an epoch has begun; its secrets are copies, to be disposed of on their own. */
function nextKeyring(current: Keyring, { vaultKey, epoch, anchor, seeds }: KeyringEpoch): Keyring {
  return {
    ...current,
    version: current.version + 1,
    identitySeeds: seeds ?? cloneSeeds(current.identitySeeds),
    vaultKey: asVaultKey(vaultKey.clone()),
    vaultEpoch: epoch,
    anchor,
  }
}

function cloneSeeds({ ed25519, xwing, oldXwing }: IdentitySeeds): IdentitySeeds {
  return { ed25519: ed25519.clone(), xwing: xwing.clone(), oldXwing: oldXwing.map((seed) => seed.clone()) }
}

/** Reason: a session's token alone must not be enough to put something else in the place of all keys. */
async function signChange(engine: CryptoEngine, keyring: Keyring, sealed: Uint8Array): Promise<Uint8Array> {
  const { accountId, version } = keyring
  const change = keyringChangeMessage({ accountId, version, sha256: await engine.sha256(sealed) })
  const message = signatureMessage('keyring-change', await engine.sha256(change))
  return keyring.identitySeeds.ed25519.use((seed) => engine.ed25519Sign(seed, message))
}

/** Brings a keyring up to the epoch that the verified chain has reached. Whoever is second finds it done. */
export async function updateKeyring(
  { engine, api, epochs, source }: { engine: CryptoEngine; api: Api; epochs: Epochs; source: KeyringSource },
  chain: ChainState,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (chain.head === null) return
  const { vaultKey } = await epochs.of(chain.epoch)
  const anchor = {
    seq: chain.head.seq,
    commitHash: chain.head.hash,
    membersHash: await membersHash(engine, chain.members),
  }
  const keyring = nextKeyring(source.current, { vaultKey, epoch: chain.epoch, anchor, seeds: null })
  const sealed = await source.seal(keyring)
  const signature = await signChange(engine, keyring, sealed)
  const body = { expectedVersion: source.current.version, sealed, signature }
  await api.call('keyringReplace', { body, signal })
  await source.adopt({ keyring, sealed })
}
