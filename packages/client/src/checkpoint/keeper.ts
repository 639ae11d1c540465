import { type AccountId, equalBytes } from '@strongroom/crypto'
import { type ContentRecord, encodeDelta, encodeState, findMember, MAX_DELTAS, stateHash } from '@strongroom/vault'
import { memorySource } from '../content/memory-source.ts'
import { steadyFlight } from '../transport/flight.ts'
import { rateLimiter } from '../transport/rate.ts'
import type { UploadContext, UploadedContent } from '../upload/types.ts'
import { uploadContent } from '../upload/upload.ts'
import type { VaultLog, VaultSnapshot } from '../vault-log/types.ts'

/** When a checkpoint is due. */
export interface CheckpointPolicy {
  /** Commits since the last one was named. */
  readonly commits: number
  /** Bytes of sealed bodies since then. */
  readonly bodyBytes: number
}

const POLICY: CheckpointPolicy = { commits: 1000, bodyBytes: 8 * 1024 * 1024 }

export interface CheckpointKeeping {
  readonly upload: UploadContext
  readonly accountId: AccountId
  readonly policy?: CheckpointPolicy
}

/**
 * The same log, which writes checkpoints in the background when its commits make one due, and waits for them when it is
 * closed. A checkpoint is a service to later devices: whatever goes wrong with it, the user's changes are committed.
 */
export function keepCheckpoints(log: VaultLog, keeping: CheckpointKeeping): VaultLog {
  const policy = keeping.policy ?? POLICY
  let running: Promise<void> | null = null
  let failed = false
  const consider = (signal: AbortSignal | undefined): void => {
    if (running !== null || failed || !isDue(log, policy)) return
    running = writeCheckpoint(log, keeping, signal)
      .catch(() => {
        // Reason: the next session tries again; this one would only repeat a long upload.
        failed = true
      })
      .finally(() => {
        running = null
      })
  }
  // Everything else is the log's own, its getters included.
  return Object.create(log, {
    commit: {
      value: async (...[plan, signal]: Parameters<VaultLog['commit']>) => {
        const result = await log.commit(plan, signal)
        consider(signal)
        return result
      },
    },
    startEpoch: {
      value: async (...[wish, signal]: Parameters<VaultLog['startEpoch']>) => {
        const result = await log.startEpoch(wish, signal)
        consider(signal)
        return result
      },
    },
    close: {
      value: async () => {
        while (running !== null) await running
        await log.flush().catch(() => undefined)
        await log.close()
      },
    },
  })
}

function isDue(log: VaultLog, policy: CheckpointPolicy): boolean {
  const { seq, checkpoint } = log.state
  // Reason: a new device does not look before the account's anchor, and reads everything where no checkpoint comes after.
  if (checkpoint !== null && checkpoint.namedBySeq <= log.anchorSeq) return true
  return seq - (checkpoint?.namedBySeq ?? 0) >= policy.commits || log.bodyBytes >= policy.bodyBytes
}

/** Writes one checkpoint of the vault as it is now; returns without one when somebody else was faster. */
export async function writeCheckpoint(
  log: VaultLog,
  keeping: CheckpointKeeping,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { engine } = keeping.upload.platform
  const snapshot = await log.snapshot()
  const head = snapshot?.chain.head ?? null
  if (snapshot === null || head === null) return
  const { chain, state } = snapshot
  const member = findMember(chain.members, keeping.accountId)
  if (member?.role !== 'owner' || member.state !== 'active') return
  const { records, uploads } = await writeContents(log, keeping, snapshot, signal)
  const [base, ...deltas] = records
  if (base === undefined) return
  const manifest = {
    seq: head.seq,
    commitHash: head.hash,
    epoch: chain.epoch,
    members: chain.members,
    base,
    deltas,
    stateHash: await stateHash(engine, state),
  }
  try {
    await log.nameCheckpoint({ manifest, uploads, previousBySeq: state.checkpoint?.namedBySeq ?? -1 }, signal)
  } finally {
    for (const { dek } of uploads) dek.dispose()
  }
}

interface Written {
  /** Base, then deltas. */
  readonly records: readonly ContentRecord[]
  readonly uploads: readonly UploadedContent[]
}

/** A delta on top of the newest checkpoint, or a base anew where the deltas would outgrow half of it. */
async function writeContents(
  log: VaultLog,
  keeping: CheckpointKeeping,
  { state }: VaultSnapshot,
  signal: AbortSignal | undefined,
): Promise<Written> {
  const named = state.checkpoint
  const previous = named === null ? null : await log.readCheckpoint(signal).catch(() => null)
  if (named !== null && previous !== null && equalBytes(previous.hash, named.hash)) {
    const { base, deltas } = previous.manifest
    const bytes = encodeDelta(previous.state, state)
    const total = deltas.reduce((sum, delta) => sum + delta.size, bytes.length)
    if (deltas.length < MAX_DELTAS && total <= base.size / 2) {
      const upload = await store(keeping, bytes, signal)
      return { records: [base, ...deltas, recordOf(upload, 'delta')], uploads: [upload] }
    }
  }
  const upload = await store(keeping, encodeState(state), signal)
  return { records: [recordOf(upload, 'base')], uploads: [upload] }
}

async function store(
  { upload }: CheckpointKeeping,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<UploadedContent> {
  const { clock } = upload.platform
  const options = { flight: steadyFlight(2), limiter: rateLimiter(undefined, clock), onBytes: () => {}, signal }
  return await uploadContent(upload, memorySource(bytes, clock.nowMs()), options)
}

function recordOf(upload: UploadedContent, slot: string): ContentRecord {
  const { blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs } = upload
  return { slot, blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs }
}
