import {
  type CryptoEngine,
  CryptoError,
  equalBytes,
  type Keyring,
  toHex,
  unwrapDek,
  type VaultKey,
  vaultKeys,
  wrapDek,
} from '@strongroom/crypto'
import {
  type Author,
  applyCommit,
  type BuiltCommit,
  buildCommit,
  type ChainState,
  emptyState,
  findMember,
  isChangeApplied,
  type Operation,
  readBody,
  references,
  VaultError,
  type VaultState,
  verifyCommit,
} from '@strongroom/vault'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import type { Clock, StateStore } from '../ports.ts'
import { advanceHead, forked, type HeadPin, loadPins, rolledBack, updatePins } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import type { UploadedContent } from '../upload/types.ts'
import type { VaultCache } from './cache.ts'
import type { PlannedChange, Planner, VaultLog } from './types.ts'

/** How often a commit is planned anew because somebody else was first. */
const ATTEMPTS = 20

export interface LogOptions {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly api: Api
  readonly store: StateStore
  readonly cache: VaultCache
  /** Who signs here; the card comes from the vault's members table. */
  readonly author: Omit<Author, 'cardHash'>
  /** What the account signed about its private vault; borrowed. */
  readonly keyring: Keyring
}

/**
 * Opens the log of the private vault: the cached state if it fits, else nothing yet. Nothing is fetched before `sync`.
 */
export async function openLog(options: LogOptions): Promise<VaultLog> {
  const { engine, api, keyring } = options
  const { vaultId } = keyring
  const vaultHex = toHex(vaultId)
  const pins = await loadPins(options.store)
  let pin: HeadPin | undefined = pins.heads[vaultHex]
  const cached = await options.cache.load(pin)
  let chain: ChainState | null = cached?.chain ?? null
  let state: VaultState = cached?.state ?? (await emptyState(engine, vaultId))
  let savedSeq = state.seq
  let leftOut = 0
  let pinnedSeq = pin?.seq ?? -1
  let turn: Promise<unknown> = Promise.resolve()
  const keys = await epochKeys(engine, keyring)

  /** Reason: state and chain change together; calls of this process take turns. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = turn.then(task)
    turn = result.catch(() => undefined)
    return result
  }

  const headSeq = () => chain?.head?.seq ?? -1

  const take = async (bytes: Uint8Array): Promise<void> => {
    const verified = await stopping(() => verifyCommit({ hasher: engine, verifier: engine, state: chain, bytes }))
    checkAnchors(verified.header.seq, verified.hash, verified.header.membersHash, keyring, pin)
    if (!equalBytes(verified.header.vaultId, vaultId)) throw integrityError('the vault of a commit')
    const { header, section, next } = verified
    const operations = await stopping(async () =>
      readBody(engine, keys.of(header.epoch).logKey, header, verified.sealedBody),
    )
    const result = applyCommit(state, { header, section, operations })
    state = result.state
    chain = next
    // A change that came twice is no broken rule: its author's first answer was lost.
    if (!result.applied && result.reason !== 'change_known') leftOut += 1
  }

  const sync = async (signal: AbortSignal | undefined): Promise<number> => {
    const before = headSeq()
    for (;;) {
      throwIfAborted(signal)
      const query = { from: headSeq() + 1 }
      const answer = await api.call('commitsRead', { params: { vaultId }, query, signal })
      for (const bytes of answer.commits) await take(bytes)
      if (checkHead(answer.head, chain, pin) === 'reached') break
      if (answer.commits.length === 0) throw rolledBack()
    }
    await savePin()
    return headSeq() - before
  }

  const savePin = async (): Promise<void> => {
    const head = chain?.head
    if (head == null || head.seq <= pinnedSeq) return
    const newest = { seq: head.seq, hash: toHex(head.hash) }
    await updatePins(options.store, (stored) => advanceHead(stored, vaultHex, newest))
    pin = newest
    pinnedSeq = head.seq
  }

  const build = async (planned: PlannedChange, changeId: Uint8Array): Promise<BuiltCommit> => {
    if (chain === null) throw new Error('a log is synced before its first commit')
    return await buildCommit(engine, {
      state: chain,
      author: { ...options.author, cardHash: ownCard(chain, options.author.accountId) },
      logKey: keys.of(chain.epoch).logKey,
      operations: planned.operations,
      references: references(planned.operations, state),
      changeId,
      timeMs: options.clock.nowMs(),
    })
  }

  const append = async (plan: Planner, signal: AbortSignal | undefined): Promise<void> => {
    const changeId = engine.randomBytes(16)
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      throwIfAborted(signal)
      const planned = plan(state)
      if (planned === null || planned.operations.length === 0) return
      const built = await refused(() => build(planned, changeId))
      const epoch = built.header.epoch
      const wraps = await wrapAll(engine, keys.of(epoch).dekKek, { vaultId, epoch }, planned.contents)
      try {
        const body = { commit: built.bytes, wraps }
        const head = await api.call('commitAppend', { params: { vaultId }, body, signal })
        if (head.seq !== built.header.seq || !equalBytes(head.hash, built.hash)) throw forked()
        adopt(built, planned.operations)
        return await savePin()
      } catch (error) {
        if (apiCode(error) !== 'head_moved') throw error
      }
      // Invariant: what was sent may have been stored although its answer was lost, so its change id is looked for
      // among the newer commits before anything is planned again.
      const news = await sync(signal)
      if (isChangeApplied(state, changeId)) return
      // Reason: who lost to nobody would lose forever.
      if (news === 0)
        throw new ClientError('server', 'The server refuses a commit for a newer one that it does not have.')
      // Reason: writers that met once should not meet again in step.
      await options.clock.sleep(((engine.randomBytes(1)[0] ?? 0) / 256) * 50 * attempt, signal)
    }
    throw new ClientError('conflict', 'Others kept committing first; try again.')
  }

  const adopt = (built: BuiltCommit, operations: readonly Operation[]): void => {
    const result = applyCommit(state, { header: built.header, section: built.section, operations })
    state = result.state
    chain = built.next
    if (!result.applied) throw new ClientError('conflict', 'The change did not apply to the vault.')
  }

  return {
    get state() {
      return state
    },
    get leftOut() {
      return leftOut
    },
    sync: (signal) => inTurn(() => sync(signal)),
    commit: (plan, signal) => inTurn(() => append(plan, signal)),
    unwrap: async (epoch, blobId, wrapped) => {
      // The signed log says which epochs there are.
      if (chain === null || epoch > chain.epoch) throw integrityError('the epoch of a wrapped key')
      return await unwrapDek(engine, keys.of(epoch).dekKek, { vaultId, epoch, blobId }, wrapped)
    },
    flush: () =>
      inTurn(async () => {
        if (chain === null || state.seq === savedSeq) return
        await options.cache.save({ chain, state })
        savedSeq = state.seq
      }),
    close: () => inTurn(async () => keys.dispose()),
  }
}

/** Compares what the server calls its head with what this device has verified. */
function checkHead(
  head: { seq: number; hash: Uint8Array },
  chain: ChainState | null,
  pin: HeadPin | undefined,
): 'reached' | 'behind' {
  const own = chain?.head ?? null
  if (own === null || head.seq > own.seq) return 'behind'
  if (head.seq < own.seq || (pin !== undefined && own.seq < pin.seq)) throw rolledBack()
  if (!equalBytes(head.hash, own.hash)) throw forked()
  return 'reached'
}

/** Holds a commit against everything that the account or this device knows of its position. */
function checkAnchors(
  seq: number,
  hash: Uint8Array,
  membersHash: Uint8Array,
  keyring: Keyring,
  pin: HeadPin | undefined,
): void {
  if (seq === 0 && !equalBytes(hash, keyring.genesisHash)) throw forked()
  if (seq === keyring.anchor.seq) {
    if (!equalBytes(hash, keyring.anchor.commitHash)) throw forked()
    if (!equalBytes(membersHash, keyring.anchor.membersHash)) throw forked()
  }
  if (pin !== undefined && seq === pin.seq && toHex(hash) !== pin.hash) throw forked()
}

/** The card under which the members table lists this account. */
function ownCard(chain: ChainState, accountId: Uint8Array): Uint8Array {
  const member = findMember(chain.members, accountId)
  if (member === null) throw integrityError('the membership of this account')
  return member.cardHash
}

/** Keys of the vault's epochs; private vaults have the keyring's epoch only. */
async function epochKeys(engine: CryptoEngine, keyring: Keyring) {
  const { vaultId, vaultEpoch } = keyring
  const vaultKey: VaultKey = keyring.vaultKey
  const keys = await vaultKeys(engine, vaultKey, { vaultId, epoch: vaultEpoch })
  return {
    of(epoch: number) {
      if (epoch === vaultEpoch) return keys
      throw new ClientError('upgrade_required', 'The vault uses keys that this client does not know yet.')
    },
    dispose() {
      for (const key of Object.values(keys)) key.dispose()
    },
  }
}

async function wrapAll(
  engine: CryptoEngine,
  dekKek: Awaited<ReturnType<typeof vaultKeys>>['dekKek'],
  place: { vaultId: Keyring['vaultId']; epoch: number },
  contents: readonly UploadedContent[],
) {
  return await Promise.all(
    contents.map(async ({ blobId, dek }) => ({
      blobId,
      epoch: place.epoch,
      bytes: await wrapDek(engine, dekKek, { ...place, blobId }, dek),
    })),
  )
}

/** Runs a check whose failure means that the log was tampered with. */
async function stopping<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (cause) {
    if (!(cause instanceof VaultError || cause instanceof CryptoError)) throw cause
    if (cause.code === 'upgrade_required') {
      throw new ClientError('upgrade_required', 'The vault was written by a newer client; upgrade this one.', { cause })
    }
    throw integrityError("the vault's log", cause)
  }
}

/** Runs the making of a commit, whose failure means that the change is not possible. */
async function refused<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    if (!(cause instanceof VaultError)) throw cause
    if (cause.code === 'limits_exceeded') {
      throw new ClientError('usage', 'The change is too large for one commit.', { cause })
    }
    throw new ClientError('conflict', 'The change does not apply to the vault.', {
      cause,
      details: { reason: cause.reason ?? cause.code },
    })
  }
}
