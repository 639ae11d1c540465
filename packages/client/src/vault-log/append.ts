import { type CryptoEngine, equalBytes, toHex, unwrapDek, type VaultId, wrapDek } from '@strongroom/crypto'
import {
  type Author,
  type BuiltCommit,
  buildCommit,
  type ChainState,
  findMember,
  isChangeApplied,
  type Operation,
  type Rebased,
  type RebaseOutcome,
  rebase,
  referenceCount,
  references,
  seenNodes,
  splitOperations,
  VaultError,
  type VaultState,
} from '@strongroom/vault'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import type { Clock, StateStore } from '../ports.ts'
import { forked } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import type { UploadedContent } from '../upload/types.ts'
import type { EpochKeys } from './epochs.ts'
import type { PendingChange, PendingStore, WrappedDek } from './pending.ts'
import { type Turns, takeTurns } from './turns.ts'
import type { Committed, Planner } from './types.ts'

/** The log as far as committing needs it. */
export interface AppendLog {
  readonly state: VaultState
  readonly chain: ChainState | null
  /** Fetches, verifies and applies newer commits; returns how many. */
  sync(signal: AbortSignal | undefined): Promise<number>
  /** Takes in a commit that the server has accepted. */
  adopt(built: BuiltCommit, operations: readonly Operation[]): Promise<void>
}

export interface AppendOptions {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly api: Api
  readonly store: Pick<StateStore, 'exclusively' | 'load'>
  readonly pending: PendingStore
  readonly vaultId: VaultId
  readonly author: Omit<Author, 'cardHash'>
  /** Names conflict copies. */
  readonly deviceName: string
  /** Borrowed. @throws ClientError `integrity` */
  keysOf(epoch: number): Promise<EpochKeys>
  readonly log: AppendLog
}

export interface Appender {
  commit(plan: Planner, signal: AbortSignal | undefined): Promise<Committed>
  /** Finishes what a process of this device that crashed had begun to commit. */
  recover(signal: AbortSignal | undefined): Promise<void>
}

/** Commits changes one at a time, among all processes of this device. */
export function appender(options: AppendOptions): Appender {
  const { log, pending, store } = options
  const turns = takeTurns(options)

  const commitPlan = async (plan: Planner, signal: AbortSignal | undefined): Promise<Committed> => {
    await finishPending(signal)
    const planned = plan(log.state)
    if (planned === null || planned.operations.length === 0) return committed([], [], false)
    const common = {
      seen: seenNodes(planned.operations, log.state),
      collisions: planned.collisions ?? 'keep',
      onlyAsPlanned: planned.onlyAsPlanned ?? false,
      plannedMs: options.clock.nowMs(),
    }
    const wraps = await wrapAll(options, planned.contents)
    const fates: RebaseOutcome[] = []
    let rebased = false
    let batches: (Operation | RebaseOutcome)[][] = await refused(async () => splitOperations(planned.operations))
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const operations = batch.filter(isOperation)
      const changeId = options.engine.randomBytes(16)
      const landed = await commitChange({ ...common, changeId, operations, wraps: named(operations, wraps) }, signal)
      const outcomes = landed.outcomes.values()
      for (const entry of batch) fates.push(isOperation(entry) ? next(outcomes) : entry)
      rebased ||= landed.rebased
      batches = batches.map((later) => later.map((entry) => (isOperation(entry) ? landed.follow(entry) : entry)))
    }
    return committed(planned.operations, fates, rebased)
  }

  /** A change of this process: its record goes whatever happens, because the caller is told. */
  const commitChange = async (change: PendingChange, signal: AbortSignal | undefined): Promise<Landed> => {
    const planned = asPlanned(change)
    if (change.operations.length === 0) return planned
    await turns.next(signal)
    await pending.save(change)
    try {
      return await send({ ...options, turns }, change, planned, signal)
    } finally {
      await pending.remove(change.changeId)
    }
  }

  /** Under the lock a record can only be that of a process that has crashed. */
  const finishPending = async (signal: AbortSignal | undefined): Promise<void> => {
    const change = await pending.load()
    if (change === null) return
    await log.sync(signal)
    try {
      if (!isChangeApplied(log.state, change.changeId)) {
        await send({ ...options, turns }, change, onNewest(options, change), signal)
      }
    } catch (error) {
      if (!isFinal(error)) throw error
    }
    await pending.remove(change.changeId)
  }

  return {
    commit: (plan, signal) => store.exclusively(() => commitPlan(plan, signal), 'commit', signal),
    async recover(signal) {
      if ((await store.load('pending')) !== null) await store.exclusively(() => finishPending(signal), 'commit', signal)
    },
  }
}

/** A change in the form in which it is tried. */
interface Landed {
  readonly rebased: boolean
  readonly operations: readonly Operation[]
  readonly outcomes: readonly RebaseOutcome[]
  readonly follow: Rebased['follow']
}

function asPlanned({ operations }: PendingChange): Landed {
  const outcomes = operations.map((operation): RebaseOutcome => {
    const nodeId = 'nodeId' in operation ? operation.nodeId : null
    return { outcome: 'kept', reason: null, nodeId }
  })
  return { rebased: false, operations, outcomes, follow: (later) => later }
}

function onNewest({ log, deviceName }: AppendOptions, change: PendingChange): Landed {
  if (change.onlyAsPlanned) return dropped(change)
  const label = { deviceName, timeMs: change.plannedMs }
  return { rebased: true, ...rebase({ ...change, state: log.state, label }) }
}

function dropped({ operations }: PendingChange): Landed {
  const outcome: RebaseOutcome = { outcome: 'dropped', reason: null, nodeId: null }
  return { rebased: true, operations: [], outcomes: operations.map(() => outcome), follow: () => outcome }
}

/** Tries until the change is accepted, as long as it is somebody else's commits that come first. */
async function send(
  options: AppendOptions & { readonly turns: Turns },
  change: PendingChange,
  first: Landed,
  signal: AbortSignal | undefined,
): Promise<Landed> {
  const { log, turns } = options
  let tried = first
  for (let attempt = 1; tried.operations.length > 0; attempt += 1) {
    throwIfAborted(signal)
    if (await offer(options, change, tried.operations, signal)) {
      turns.landed()
      break
    }
    await turns.lost(attempt, signal)
    const news = await log.sync(signal)
    // Invariant: what was sent may have been stored although its answer was lost, so its change id is looked for among
    // the newer commits before it is sent again.
    if (isChangeApplied(log.state, change.changeId)) break
    // Reason: who lost to nobody would lose forever.
    if (news === 0) {
      throw new ClientError('server', 'The server refuses a commit for a newer one that it does not have.')
    }
    tried = onNewest(options, change)
  }
  return tried
}

/** Sends a commit; false when somebody else was first. @throws ClientError with `details.reason` `commit_unknown` */
async function offer(
  options: AppendOptions,
  change: PendingChange,
  operations: readonly Operation[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { api, log, vaultId } = options
  const built = await refused(() => build(options, change.changeId, operations))
  const wraps = await wrapsBeside(options, change, built)
  try {
    const head = await api.call('commitAppend', { params: { vaultId }, body: { commit: built.bytes, wraps }, signal })
    if (head.seq !== built.header.seq || !equalBytes(head.hash, built.hash)) throw forked()
  } catch (error) {
    if (apiCode(error) === 'head_moved') return false
    if (mayHaveArrived(error) && (await isInLog(options, change, error, signal))) return true
    throw error
  }
  await log.adopt(built, operations)
  return true
}

/** Whether a request that failed may have done its work all the same, in one of its repetitions. */
function mayHaveArrived(error: unknown): error is ClientError {
  if (!(error instanceof ClientError)) return false
  return error.code === 'network' || (error.code === 'server' && Number(error.details.status) >= 500)
}

/**
 * Looks for a change whose answer never came.
 *
 * Reason: who is told that it failed makes it again, as a second version or a second file.
 */
async function isInLog(
  { log }: AppendOptions,
  { changeId }: PendingChange,
  failure: ClientError,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await log.sync(signal)
  } catch (error) {
    if (!mayHaveArrived(error)) throw error
    const details = { ...failure.details, reason: 'commit_unknown' }
    throw new ClientError(failure.code, failure.message, { cause: failure, details })
  }
  return isChangeApplied(log.state, changeId)
}

async function build(
  { engine, author, clock, keysOf, log }: AppendOptions,
  changeId: Uint8Array,
  operations: readonly Operation[],
): Promise<BuiltCommit> {
  const { chain, state } = log
  if (chain === null) throw new Error('a log is synced before its first commit')
  return await buildCommit(engine, {
    state: chain,
    author: { ...author, cardHash: ownCard(chain, author.accountId) },
    logKey: (await keysOf(chain.epoch)).logKey,
    operations,
    references: references(operations, state),
    changeId,
    timeMs: clock.nowMs(),
  })
}

/** The card under which the members table lists this account. */
function ownCard(chain: ChainState, accountId: Uint8Array): Uint8Array {
  const member = findMember(chain.members, accountId)
  if (member === null) throw integrityError('the membership of this account')
  return member.cardHash
}

/** DEKs of the contents, under the newest epoch that is known. */
async function wrapAll(options: AppendOptions, contents: readonly UploadedContent[]): Promise<WrappedDek[]> {
  const { engine, keysOf, log, vaultId } = options
  const epoch = log.chain?.epoch
  if (epoch === undefined) throw new Error('a log is synced before its first commit')
  const { dekKek } = await keysOf(epoch)
  return await Promise.all(
    contents.map(async ({ blobId, dek }) => ({
      blobId,
      epoch,
      bytes: await wrapDek(engine, dekKek, { vaultId, epoch, blobId }, dek),
    })),
  )
}

/** The wraps that a commit needs, under its epoch: those of the blobs that it adds. */
async function wrapsBeside(options: AppendOptions, change: PendingChange, built: BuiltCommit): Promise<WrappedDek[]> {
  const { epoch } = built.header
  const known = new Map(change.wraps.map((wrap) => [toHex(wrap.blobId), wrap]))
  const wraps: WrappedDek[] = []
  for (const { blobId } of built.section.added) {
    const wrap = known.get(toHex(blobId))
    if (wrap !== undefined) wraps.push(wrap.epoch === epoch ? wrap : await wrapAgain(options, wrap, epoch))
    else if (referenceCount(options.log.state, blobId) === 0) {
      throw new ClientError('conflict', 'What was to be copied was destroyed meanwhile.')
    }
  }
  return wraps
}

async function wrapAgain(options: AppendOptions, wrap: WrappedDek, epoch: number): Promise<WrappedDek> {
  const { engine, keysOf, vaultId } = options
  const { blobId } = wrap
  const [old, newest] = [await keysOf(wrap.epoch), await keysOf(epoch)]
  const dek = await unwrapDek(engine, old.dekKek, { vaultId, epoch: wrap.epoch, blobId }, wrap.bytes)
  try {
    return { blobId, epoch, bytes: await wrapDek(engine, newest.dekKek, { vaultId, epoch, blobId }, dek) }
  } finally {
    dek.dispose()
  }
}

/** The wraps of the blobs that operations name. */
function named(operations: readonly Operation[], wraps: readonly WrappedDek[]): WrappedDek[] {
  const blobs = new Set<string>()
  for (const operation of operations) {
    if (operation.op === 'addVersion') for (const { blobId } of operation.contents) blobs.add(toHex(blobId))
    if (operation.op === 'attach' || operation.op === 'replace') blobs.add(toHex(operation.content.blobId))
  }
  return wraps.filter((wrap) => blobs.has(toHex(wrap.blobId)))
}

function isOperation(entry: Operation | RebaseOutcome): entry is Operation {
  return 'op' in entry
}

function next(outcomes: Iterator<RebaseOutcome>): RebaseOutcome {
  const { value, done } = outcomes.next()
  if (done === true) throw new Error('each operation has an outcome')
  return value
}

function committed(operations: readonly Operation[], fates: readonly RebaseOutcome[], rebased: boolean): Committed {
  const byId = new Map<string, RebaseOutcome>()
  for (const [index, operation] of operations.entries()) {
    const fate = fates[index]
    if (fate === undefined || !('nodeId' in operation)) continue
    const key = toHex(operation.op === 'addVersion' ? operation.versionId : operation.nodeId)
    if (!byId.has(key)) byId.set(key, fate)
  }
  return { rebased, fateOf: (id) => byId.get(toHex(id)) ?? null }
}

/** Whether sending a change again would only be refused again. */
function isFinal(error: unknown): boolean {
  return error instanceof ClientError && ['conflict', 'not_found', 'quota', 'server', 'usage'].includes(error.code)
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
