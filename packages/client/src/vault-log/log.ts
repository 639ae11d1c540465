import { type CryptoEngine, CryptoError, equalBytes, type Keyring, toHex, unwrapDek, wrapDek } from '@strongroom/crypto'
import {
  type Author,
  applyCommit,
  type BuiltCommit,
  type ChainState,
  type CommitHeader,
  cloneState,
  emptyState,
  findMember,
  type Operation,
  readBody,
  splitCommit,
  VaultError,
  type VaultState,
  type Verifier,
  verifyCommit,
} from '@strongroom/vault'
import { type CheckpointAudit, checkpointAudit } from '../checkpoint/audit.ts'
import { type CheckpointReading, type ContentReader, openNewestCheckpoint } from '../checkpoint/read.ts'
import { ClientError, integrityError, throwIfAborted, unknownVersion } from '../errors.ts'
import type { Clock, StateStore } from '../ports.ts'
import type { KeyringSource } from '../session/keyring-source.ts'
import { forked } from '../session/pins.ts'
import type { Api } from '../transport/api.ts'
import { appender } from './append.ts'
import type { VaultCache } from './cache.ts'
import { epochKeys } from './epochs.ts'
import { type Head, headGuard, hexHead } from './head-guard.ts'
import { nameCheckpoint } from './name-checkpoint.ts'
import type { PendingStore } from './pending.ts'
import { signWraps } from './sign-wraps.ts'
import { signaturesAhead } from './signatures.ts'
import { startEpoch, updateKeyring } from './start-epoch.ts'
import type { VaultLog } from './types.ts'

export interface LogOptions {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly api: Api
  readonly store: StateStore
  readonly cache: VaultCache
  readonly pending: PendingStore
  /** Resolves once this device keeps all commits that it was given so far. */
  readonly kept: () => Promise<void>
  /** Reads the blobs of checkpoints. */
  readonly readContents: ContentReader
  /** Names conflict copies. */
  readonly deviceName: string
  /** Who signs here; the card comes from the vault's members table. */
  readonly author: Omit<Author, 'cardHash'>
  /** What the account signed about its private vault. */
  readonly source: KeyringSource
}

/**
 * Opens the log of the private vault: the cached state if it fits, else nothing yet. Nothing is fetched before `sync`.
 */
export async function openLog(options: LogOptions): Promise<VaultLog> {
  const { engine, api, source } = options
  const { vaultId } = source.current
  const guard = await headGuard(options.store, toHex(vaultId))
  const cached = await options.cache.load(guard.pin)
  let chain: ChainState | null = cached?.chain ?? null
  let state: VaultState = cached?.state ?? (await emptyState(engine, vaultId))
  let savedSeq = state.seq
  let leftOut = 0
  /** Of sealed bodies since the last commit that named a checkpoint. */
  let bodyBytes = cached?.bodyBytes ?? 0
  let recovered = false
  let turn: Promise<unknown> = Promise.resolve()
  const epochs = await epochKeys({ engine, api, vaultId, source })

  /** Reason: state and chain change together; calls of this process take turns. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = turn.then(task)
    turn = result.catch(() => undefined)
    return result
  }

  const headSeq = () => chain?.head?.seq ?? -1

  const reading: CheckpointReading = {
    engine,
    api,
    readContents: options.readContents,
    get keyring() {
      return source.current
    },
    checkpointKey: async (epoch) => (await epochs.of(epoch)).checkpointKey,
    unwrap: async (epoch, blobId, wrapped) =>
      unwrapDek(engine, (await epochs.of(epoch)).dekKek, { vaultId, epoch, blobId }, wrapped),
  }

  const count = ({ checkpointHash, bodyLength }: CommitHeader): void => {
    bodyBytes = checkpointHash === null ? bodyBytes + bodyLength : 0
  }

  const take = async (bytes: Uint8Array, verifier: Verifier): Promise<CommitHeader> => {
    await checkFollows(chain, bytes)
    const verified = await stopping(() => verifyCommit({ hasher: engine, verifier, state: chain, bytes }))
    checkAnchors(verified.header.seq, verified.hash, verified.header.membersHash, source.current)
    guard.pass(verified.header.seq, verified.hash)
    if (!equalBytes(verified.header.vaultId, vaultId)) throw integrityError('the vault of a commit')
    const { header, section, next } = verified
    if (section.epochChange !== null) await stopping(() => epochs.learn(next.epoch, section))
    const { logKey } = await epochs.of(header.epoch)
    const operations = await stopping(() => readBody(engine, logKey, header, verified.sealedBody).catch(newerAuthor))
    const result = applyCommit(state, { header, section, operations })
    state = result.state
    chain = next
    // A change that came twice is no broken rule: its author's first answer was lost.
    if (!result.applied && result.reason !== 'change_known') leftOut += 1
    count(header)
    return header
  }

  const takeAll = async (commits: readonly Uint8Array[], audit: CheckpointAudit): Promise<void> => {
    let verifierOf: ReturnType<typeof signaturesAhead> | null = null
    for (const [index, bytes] of commits.entries()) {
      if (chain !== null) verifierOf ??= signaturesAhead(engine, commits.slice(index), chain.members)
      const header = await take(bytes, verifierOf?.(bytes) ?? engine)
      await stopping(async () => chain !== null && audit.passed(header, { chain, state }))
    }
  }

  const needNewer = (shown: Head): void => {
    if (shown.seq > headSeq()) throw integrityError('the newest commits, which the server keeps back')
  }

  /** Whether all was read that the server shows, and that any process of this device has seen. */
  const isReached = async (shown: Head, audit: CheckpointAudit): Promise<boolean> => {
    const own = chain?.head ?? null
    if (guard.compare(shown, own) === 'behind' || own === null) return false
    audit.finish(own.seq)
    // Invariant: what a pin leads back to is kept, for a server that is set back.
    await options.kept()
    return (await guard.settle(own)) === 'settled'
  }

  const sync = async (signal: AbortSignal | undefined): Promise<number> => {
    const before = headSeq()
    const opened = chain === null ? await stopping(() => openNewestCheckpoint(reading, guard.pin, signal)) : null
    const audit = checkpointAudit({ ...reading, vaultId, opened, signal })
    if (opened !== null) {
      chain = opened.chain
      state = opened.state
    }
    try {
      for (;;) {
        throwIfAborted(signal)
        const query = { from: headSeq() + 1 }
        const answer = await api.call('commitsRead', { params: { vaultId }, query, signal })
        await stopping(() => audit.page(answer.commits, answer.head.seq, chain === null ? null : { chain, state }))
        await takeAll(answer.commits, audit)
        if (await isReached(answer.head, audit)) break
        if (answer.commits.length === 0) needNewer(answer.head)
      }
    } catch (error) {
      await options.kept()
      // Invariant: nothing of a checkpoint is used unless the log behind it was verified up to the commit that names it.
      if (opened !== null && headSeq() < opened.namedBy.seq) {
        chain = null
        state = await emptyState(engine, vaultId)
      }
      throw error
    }
    return headSeq() - before
  }

  const adopt = async (built: BuiltCommit, operations: readonly Operation[]): Promise<void> => {
    const result = applyCommit(state, { header: built.header, section: built.section, operations })
    state = result.state
    chain = built.next
    count(built.header)
    if (!result.applied) throw new ClientError('conflict', 'The change did not apply to the vault.')
    guard.pass(built.header.seq, built.hash)
    await guard.settle({ seq: built.header.seq, hash: built.hash })
  }

  const committing = {
    ...options,
    vaultId,
    epochs,
    keysOf: (epoch: number) => epochs.of(epoch),
    log: {
      get state() {
        return state
      },
      get chain() {
        return chain
      },
      sync,
      adopt,
    },
  }
  const appending = appender(committing)

  /** The wrap in the chain decides on epochs: a keyring that lags behind it is updated, here and on the server. */
  const keepKeyring = async (signal: AbortSignal | undefined): Promise<void> => {
    if (chain === null || chain.epoch <= source.current.vaultEpoch) return
    try {
      await source.refresh(signal)
      if (chain.epoch > source.current.vaultEpoch) await updateKeyring({ engine, api, epochs, source }, chain, signal)
    } catch (error) {
      // Reason: all that depends on it is how soon the next device finds the key.
      if (!(error instanceof ClientError) || error.code === 'integrity' || error.code === 'aborted') throw error
    }
  }

  /** The first of a process also finishes what another one had begun to commit when it crashed. */
  const syncAll = async (signal: AbortSignal | undefined): Promise<number> => {
    const before = headSeq()
    if (!recovered) await appending.recover(signal)
    recovered = true
    await sync(signal)
    await keepKeyring(signal)
    return headSeq() - before
  }

  return {
    get state() {
      return state
    },
    get leftOut() {
      return leftOut
    },
    get head() {
      return chain?.head ?? null
    },
    get role() {
      const member = chain === null ? null : findMember(chain.members, source.current.accountId)
      return member?.state === 'active' ? member.role : null
    },
    get anchorSeq() {
      return source.current.anchor.seq
    },
    get epoch() {
      return chain?.epoch ?? 0
    },
    sync: (signal) => inTurn(() => syncAll(signal)),
    commit: (plan, signal) => inTurn(() => appending.commit(plan, signal)),
    get bodyBytes() {
      return bodyBytes
    },
    snapshot: () => inTurn(async () => (chain === null ? null : { chain, state: cloneState(state) })),
    readCheckpoint: (signal) => stopping(() => openNewestCheckpoint(reading, guard.pin, signal)),
    nameCheckpoint: (draft, signal) =>
      inTurn(() => options.store.exclusively(() => nameCheckpoint(committing, draft, signal), 'commit', signal)),
    unwrap: async (epoch, blobId, wrapped) => {
      // The signed log says which epochs there are.
      if (chain === null || epoch > chain.epoch) throw integrityError('the epoch of a wrapped key')
      return await reading.unwrap(epoch, blobId, wrapped)
    },
    async wrap(blobId, dek) {
      const epoch = chain?.epoch ?? 0
      const { dekKek } = await epochs.of(epoch)
      return { blobId, epoch, bytes: await wrapDek(engine, dekKek, { vaultId, epoch, blobId }, dek) }
    },
    signWraps: (wraps) => signWraps(options, { vaultId, epoch: chain?.epoch ?? 0, wraps }),
    startEpoch: (wish, signal) =>
      inTurn(async () => {
        await appending.recover(signal)
        return await options.store.exclusively(() => startEpoch(committing, wish, signal), 'commit', signal)
      }),
    flush: () =>
      inTurn(async () => {
        if (chain === null || state.seq === savedSeq) return
        await options.cache.save({ chain, state, bodyBytes })
        savedSeq = state.seq
      }),
    close: () => inTurn(async () => epochs.dispose()),
  }
}

/** A commit at the next place that names another predecessor tells another history, not a damaged one. */
async function checkFollows(chain: ChainState | null, bytes: Uint8Array): Promise<void> {
  const own = chain?.head ?? null
  if (own === null) return
  const { header } = await stopping(async () => splitCommit(bytes))
  if (header.seq !== own.seq + 1 || equalBytes(header.prev, own.hash)) return
  throw forked(hexHead(own), hexHead({ seq: own.seq, hash: header.prev }))
}

/** Holds a commit against what the account has signed about its position. */
function checkAnchors(seq: number, hash: Uint8Array, membersHash: Uint8Array, keyring: Keyring): void {
  if (seq === 0 && !equalBytes(hash, keyring.genesisHash)) throw forked()
  if (seq === keyring.anchor.seq) {
    if (!equalBytes(hash, keyring.anchor.commitHash)) throw forked()
    if (!equalBytes(membersHash, keyring.anchor.membersHash)) throw forked()
  }
}

/** Reason: the signature covers a body, so that a newer client of the account itself has written it. */
function newerAuthor(cause: unknown): never {
  if ((cause instanceof VaultError || cause instanceof CryptoError) && cause.code === 'upgrade_required') {
    throw new ClientError('upgrade_required', 'The vault was written by a newer client; upgrade this one.', { cause })
  }
  throw cause
}

/** Runs a check whose failure means that the log was tampered with. */
async function stopping<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (cause) {
    if (!(cause instanceof VaultError || cause instanceof CryptoError)) throw cause
    if (cause.code === 'upgrade_required') throw unknownVersion("the vault's log", cause)
    throw integrityError("the vault's log", cause)
  }
}
