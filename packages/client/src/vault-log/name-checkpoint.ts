import { type CryptoEngine, compareBytes, equalBytes, toHex, type VaultId, wrapDek } from '@strongroom/crypto'
import {
  type Author,
  type BuiltCommit,
  buildCommit,
  checkpointHash,
  findMember,
  isChangeApplied,
  type Section,
  sealManifest,
  type VaultState,
} from '@strongroom/vault'
import type { CheckpointDraft } from '../checkpoint/types.ts'
import { ClientError, integrityError, throwIfAborted } from '../errors.ts'
import { forked } from '../session/pins.ts'
import { type Api, apiCode } from '../transport/api.ts'
import type { AppendLog } from './append.ts'
import type { EpochKeys } from './epochs.ts'

export interface NamingOptions {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly vaultId: VaultId
  readonly author: Omit<Author, 'cardHash'>
  readonly clock: { nowMs(): number }
  /** Borrowed. @throws ClientError `integrity` */
  keysOf(epoch: number): Promise<EpochKeys>
  readonly log: AppendLog
}

/**
 * Commits a checkpoint on top of whatever was committed meanwhile. False when another one was named since: then this
 * one is void, and its blobs are left to the server's collection.
 */
export async function nameCheckpoint(
  options: NamingOptions,
  draft: CheckpointDraft,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { engine, api, vaultId, log } = options
  const { manifest } = draft
  const { checkpointKey } = await options.keysOf(manifest.epoch)
  const sealed = await sealManifest(engine, checkpointKey, vaultId, manifest)
  const checkpoint = { seq: manifest.seq, epoch: manifest.epoch, manifest: sealed }
  const hash = await checkpointHash(engine, sealed)
  const changeId = engine.randomBytes(16)
  for (;;) {
    throwIfAborted(signal)
    if ((log.state.checkpoint?.namedBySeq ?? -1) !== draft.previousBySeq) return false
    const built = await build(options, { draft, hash, changeId })
    const wraps = await wrapAll(options, draft, built)
    try {
      const body = { commit: built.bytes, wraps, checkpoint }
      const head = await api.call('commitAppend', { params: { vaultId }, body, signal })
      if (head.seq !== built.header.seq || !equalBytes(head.hash, built.hash)) throw forked()
      await log.adopt(built, [])
      return true
    } catch (error) {
      if (apiCode(error) !== 'head_moved') throw error
    }
    const news = await log.sync(signal)
    if (isChangeApplied(log.state, changeId)) return true
    // Reason: who lost to nobody would lose forever.
    if (news === 0) {
      throw new ClientError('server', 'The server refuses a commit for a newer one that it does not have.')
    }
  }
}

async function build(
  { engine, author, clock, keysOf, log }: NamingOptions,
  { draft, hash, changeId }: { draft: CheckpointDraft; hash: Uint8Array; changeId: Uint8Array },
): Promise<BuiltCommit> {
  const { chain, state } = log
  if (chain === null) throw new Error('a log is synced before its first commit')
  const member = findMember(chain.members, author.accountId)
  if (member === null) throw integrityError('the membership of this account')
  return await buildCommit(engine, {
    state: chain,
    author: { ...author, cardHash: member.cardHash },
    logKey: (await keysOf(chain.epoch)).logKey,
    operations: [],
    references: referencesOf(draft, state),
    changeId,
    timeMs: clock.nowMs(),
    checkpointHash: hash,
  })
}

/** What the checkpoint named before does not have is added, what this one leaves out released. */
function referencesOf({ manifest }: CheckpointDraft, state: VaultState): Pick<Section, 'added' | 'released'> {
  const ids = [manifest.base, ...manifest.deltas].map((record) => record.blobId)
  const before = new Set((state.checkpoint?.blobIds ?? []).map(toHex))
  const after = new Set(ids.map(toHex))
  const added = ids.filter((blobId) => !before.has(toHex(blobId))).sort(compareBytes)
  const released = (state.checkpoint?.blobIds ?? []).filter((blobId) => !after.has(toHex(blobId)))
  return {
    added: added.map((blobId) => ({ blobId, count: 1, sourceVault: null })),
    released: released.map((blobId) => ({ blobId, count: 1 })),
  }
}

async function wrapAll({ engine, vaultId, keysOf }: NamingOptions, draft: CheckpointDraft, built: BuiltCommit) {
  const { epoch } = built.header
  const { dekKek } = await keysOf(epoch)
  return await Promise.all(
    draft.uploads.map(async ({ blobId, dek }) => ({
      blobId,
      epoch,
      bytes: await wrapDek(engine, dekKek, { vaultId, epoch, blobId }, dek),
    })),
  )
}
