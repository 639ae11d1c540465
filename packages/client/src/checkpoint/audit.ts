import { type CryptoEngine, equalBytes, type SecretBytes, type VaultId } from '@strongroom/crypto'
import { type CommitHeader, checkpointHash, membersHash, openManifest, stateHash } from '@strongroom/vault'
import { integrityError } from '../errors.ts'
import { forked, rolledBack } from '../session/pins.ts'
import type { Api } from '../transport/api.ts'
import type { VaultSnapshot } from '../vault-log/types.ts'
import type { OpenedCheckpoint, ServedCheckpoint } from './types.ts'

/** Bit 1 of a commit's sixth byte: it names a checkpoint. */
const FLAGS_AT = 5
const FLAG_CHECKPOINT = 2

/** Holds the checkpoints that a log names against the states that this device comes through itself. */
export interface CheckpointAudit {
  /** Before a page of commits is taken in. */
  page(commits: readonly Uint8Array[], headSeq: number, before: VaultSnapshot | null): Promise<void>
  /** After each commit. @throws ClientError `integrity` */
  passed(header: CommitHeader, after: VaultSnapshot): Promise<void>
  /** Once the head is reached. @throws ClientError `integrity` */
  finish(headSeq: number): void
}

export interface AuditOptions {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly vaultId: VaultId
  readonly checkpointKey: (epoch: number) => Promise<SecretBytes>
  /** From which this reading of the log began, or null. */
  readonly opened: OpenedCheckpoint | null
  readonly signal: AbortSignal | undefined
}

/** What this device computed itself at the checkpoint's commit. */
interface Held {
  readonly seq: number
  readonly commitHash: Uint8Array
  readonly epoch: number
  readonly membersHash: Uint8Array
  readonly stateHash: Uint8Array
}

/** Watches one synchronisation. The server is asked for its checkpoint only when a page names or may have passed one. */
export function checkpointAudit(options: AuditOptions): CheckpointAudit {
  const { engine, api, vaultId, opened, signal } = options
  let served: ServedCheckpoint | null = opened?.served ?? null
  let held: Held | null = null
  /** Newest commit that the server had shown when it was asked. */
  let askedAt = -1

  const hold = async ({ chain, state }: VaultSnapshot): Promise<void> => {
    const { head } = chain
    if (head === null || served?.checkpoint?.seq !== state.seq || opened?.manifest.seq === state.seq) return
    const hashes = await Promise.all([membersHash(engine, chain.members), stateHash(engine, state)])
    held = { seq: state.seq, commitHash: head.hash, epoch: chain.epoch, membersHash: hashes[0], stateHash: hashes[1] }
  }

  const compare = async (header: CommitHeader, checkpoint: NonNullable<ServedCheckpoint['checkpoint']>) => {
    const { seq, epoch, manifest: sealed } = checkpoint
    const hash = await checkpointHash(engine, sealed)
    if (header.checkpointHash === null || !equalBytes(hash, header.checkpointHash)) throw integrityError('a checkpoint')
    if (seq >= header.seq || epoch > header.epoch) throw integrityError('the place of a checkpoint')
    const manifest = await openManifest(engine, await options.checkpointKey(epoch), { vaultId, epoch, seq }, sealed)
    if (held === null || held.seq !== manifest.seq) return
    const members = await membersHash(engine, manifest.members)
    const same =
      equalBytes(held.commitHash, manifest.commitHash) &&
      equalBytes(held.stateHash, manifest.stateHash) &&
      equalBytes(held.membersHash, members) &&
      held.epoch === manifest.epoch
    if (!same) throw integrityError('a checkpoint differs from what this device has computed')
  }

  return {
    async page(commits, headSeq, before) {
      const first = (before?.chain.head?.seq ?? -1) + 1
      const naming = commits.findLastIndex((bytes) => ((bytes[FLAGS_AT] ?? 0) & FLAG_CHECKPOINT) !== 0)
      const known = served?.checkpoint?.namedBySeq ?? -1
      const last = first + commits.length - 1
      const wanted = naming >= 0 ? first + naming > known : served === null && last < headSeq
      if (!wanted) return
      askedAt = Math.max(last, headSeq)
      served = await api.call('checkpointRead', { params: { vaultId }, signal })
      if (before !== null) await hold(before)
    },
    async passed(header, after) {
      await hold(after)
      if (header.seq === opened?.namedBy.seq && !equalBytes(after.chain.head?.hash ?? vaultId, opened.namedBy.hash)) {
        throw forked()
      }
      if (header.checkpointHash === null || served === null) return
      const { checkpoint, head } = served
      // Invariant: a server that has accepted a checkpoint shows no older one.
      const newer = checkpoint === null || header.seq > checkpoint.namedBySeq
      if (newer && header.seq <= Math.max(head.seq, askedAt)) throw integrityError('the server shows an old checkpoint')
      if (!newer && header.seq === checkpoint.namedBySeq) await compare(header, checkpoint)
    },
    finish(headSeq) {
      if (opened !== null && headSeq < opened.namedBy.seq) throw rolledBack()
    },
  }
}
