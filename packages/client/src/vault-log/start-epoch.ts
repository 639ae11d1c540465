import {
  type Anchor,
  asVaultKey,
  type CryptoEngine,
  disposeKeyring,
  equalBytes,
  generateVaultKey,
  hpkeSealVaultKey,
  type Keyring,
  sealPreviousVaultKey,
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
  membersHash,
} from '@strongroom/vault'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import type { KeyringSource } from '../session/keyring-source.ts'
import { forked } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import { type AppendOptions, sleepAWhile } from './append.ts'
import type { Epochs } from './epochs.ts'

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
  signal: AbortSignal | undefined,
): Promise<{ epoch: number; own: boolean }> {
  const { engine, api, vaultId, log, epochs, source } = options
  await log.sync(signal)
  const before = log.chain?.epoch ?? 0
  const changeId = engine.randomBytes(16)
  using vaultKey = generateVaultKey(engine)
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal)
    const built = await build(options, vaultKey, changeId)
    const epoch = built.next.epoch
    const { header, hash } = built
    const anchor = { seq: header.seq, commitHash: hash, membersHash: header.membersHash }
    const keyring = nextKeyring(source.current, { vaultKey, epoch, anchor })
    const sealed = await source.seal(keyring)
    const expectedVersion = source.current.version
    const body = { commit: built.bytes, wraps: [], keyring: { expectedVersion, sealed } }
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
    if (now > before) return { epoch: now, own: isChangeApplied(log.state, changeId) }
    // Reason: who lost to nobody would lose forever.
    if (news === 0 && !fresh) throw new ClientError('server', 'The server refuses a commit for nothing newer.')
    await sleepAWhile(options, attempt, signal)
  }
}

async function build(
  { engine, author, clock, log, vaultId, epochs, source }: EpochStarting,
  vaultKey: VaultKey,
  changeId: Uint8Array,
): Promise<BuiltCommit> {
  const { chain } = log
  if (chain === null) throw new Error('a log is synced before its first commit')
  const { accountId } = author
  const member = findMember(chain.members, accountId)
  // A private vault has one member; the keys of others would come from their pinned cards.
  if (member === null || chain.members.length !== 1) throw integrityError('the members of the private vault')
  const next = { vaultId, epoch: chain.epoch + 1 }
  const old = await epochs.of(chain.epoch)
  const publicKey = await xwingPublicKey(source.current.identitySeeds.xwing)
  return await buildCommit(engine, {
    state: chain,
    author: { ...author, cardHash: member.cardHash },
    logKey: old.logKey,
    operations: [],
    references: { added: [], released: [] },
    changeId,
    timeMs: clock.nowMs(),
    epochChange: {
      keyCommitment: await vaultKeyCommitment(engine, vaultKey, next),
      sealedPreviousKey: await sealPreviousVaultKey(engine, vaultKey, next, old.vaultKey),
      wraps: [{ accountId, wrap: await hpkeSealVaultKey(publicKey, { ...next, accountId }, vaultKey) }],
    },
  })
}

interface KeyringEpoch {
  readonly vaultKey: VaultKey
  readonly epoch: number
  readonly anchor: Anchor
}

/** The keyring once an epoch has begun; its secrets are copies, to be disposed of on their own. */
function nextKeyring(current: Keyring, { vaultKey, epoch, anchor }: KeyringEpoch): Keyring {
  const { ed25519, xwing, oldXwing } = current.identitySeeds
  return {
    ...current,
    version: current.version + 1,
    identitySeeds: { ed25519: ed25519.clone(), xwing: xwing.clone(), oldXwing: oldXwing.map((seed) => seed.clone()) },
    vaultKey: asVaultKey(vaultKey.clone()),
    vaultEpoch: epoch,
    anchor,
  }
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
  const keyring = nextKeyring(source.current, { vaultKey, epoch: chain.epoch, anchor })
  const sealed = await source.seal(keyring)
  const body = { expectedVersion: source.current.version, sealed }
  await api.call('keyringReplace', { body, signal })
  await source.adopt({ keyring, sealed })
}
