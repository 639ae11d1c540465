import { type AccountId, type CryptoEngine, equalBytes, toHex, type VaultId } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { StateStore } from '../ports.ts'
import { acceptAudit, isAuditSetBack } from '../session/audit.ts'
import { forked, loadPins } from '../session/pins.ts'
import type { RestoreInput, RestorePlan, RestoreResult } from '../session/types.ts'
import type { Api } from '../transport/api.ts'
import { hexHead } from '../vault-log/head-guard.ts'
import { type KeptCommit, keptChain, type RestoredCommit, withContents } from './kept-chain.ts'
import type { SeenStore } from './seen.ts'

export interface RestoreContext {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly store: StateStore
  readonly seen: SeenStore
  readonly vaultId: VaultId
  readonly accountId: AccountId
  /** As it is stored on this device. */
  readonly keyring: { readonly version: number; readonly sealed: Uint8Array }
}

/** Most bytes of one request, which base64 makes a third longer. */
const REQUEST_BYTES = 8 * 1024 * 1024

/**
 * Gives a server that was set back to an older backup the changes back that this device has seen, if its head is one
 * that they follow.
 *
 * @throws ClientError `integrity` when it is on another history (`forked`), or when this device has not kept what is
 *   missing (`not_kept`); then nothing was sent
 */
export async function restoreServer(context: RestoreContext, input: RestoreInput): Promise<RestoreResult> {
  const { engine, api, store, seen, vaultId } = context
  const pin = (await loadPins(store)).heads[toHex(vaultId)]
  if (pin === undefined) throw new ClientError('not_found', 'This device has not seen the account yet.')
  const shown = await api.call('vaultHead', { params: { vaultId }, query: {}, signal: input.signal })
  const auditSetBack = await isAuditSetBack(context, input.signal)
  if (shown.seq > pin.seq) {
    // Newer than this device: whether it follows from what the device saw is what `sync` finds out.
    if (!auditSetBack) return { restored: 0, lost: 0 }
    await confirmed(input, { commits: 0, serverSeq: shown.seq, ownSeq: pin.seq, auditSetBack })
    await acceptAudit(context, input.signal)
    return { restored: 0, lost: 0 }
  }
  if (shown.seq === pin.seq && toHex(shown.hash) !== pin.hash) throw forked(pin, hexHead(shown))
  const records = await seen.load()
  const chain = await keptChain(engine, records, pin)
  const missing = chain.filter(({ header }) => header.seq > shown.seq)
  if (missing.length < pin.seq - shown.seq) throw notKept(pin.seq - shown.seq - missing.length)
  const [first] = missing
  if (first !== undefined && !equalBytes(first.header.prev, shown.hash)) {
    throw forked({ seq: shown.seq, hash: toHex(first.header.prev) }, hexHead(shown))
  }
  // Where nothing is missing, another device was first, and may not have had all that belongs to the changes.
  const sent = missing.length > 0 ? missing : chain
  const commits = await withContents(engine, sent, records)
  requireCheckpoint(missing, commits)
  await confirmed(input, { commits: missing.length, serverSeq: shown.seq, ownSeq: pin.seq, auditSetBack })
  let lost = 0
  for (const batch of [...batches(commits), []]) {
    throwIfAborted(input.signal)
    const keyring = batch.length === 0 ? { keyring: context.keyring } : {}
    const body = { commits: batch, ...keyring }
    const answer = await api.call('vaultRestore', { params: { vaultId }, body, signal: input.signal })
    lost = answer.lost
    const isEnd = answer.head.seq === pin.seq
    if (isEnd && toHex(answer.head.hash) !== pin.hash) throw forked(pin, hexHead(answer.head))
    if (batch.length === 0 && answer.head.seq < pin.seq) {
      throw new ClientError('server', 'The server took the changes and does not show them.')
    }
  }
  if (auditSetBack) await acceptAudit(context, input.signal)
  return { restored: missing.length, lost }
}

async function confirmed(input: RestoreInput, plan: RestorePlan): Promise<void> {
  if (!(await input.confirm(plan))) throw new ClientError('aborted', 'Nothing was given back.')
}

function notKept(count: number): ClientError {
  return new ClientError(
    'integrity',
    `This device has not kept ${count} of the changes that the server lacks: it keeps what it saw in the last 30 days.`,
    { details: { reason: 'not_kept', count } },
  )
}

/** Reason: a log that names a checkpoint which the server cannot show stops every device that reads it. */
function requireCheckpoint(missing: readonly KeptCommit[], commits: readonly RestoredCommit[]): void {
  const last = missing.findLastIndex(({ header }) => header.checkpointHash !== null)
  if (last < 0 || commits[last]?.checkpoint !== undefined) return
  throw new ClientError('integrity', 'This device has not kept the newest checkpoint that the server lacks.', {
    details: { reason: 'not_kept', count: 1 },
  })
}

function batches(commits: readonly RestoredCommit[]): RestoredCommit[][] {
  const result: RestoredCommit[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const commit of commits) {
    const length = lengthOf(commit)
    const last = result.at(-1)
    if (last === undefined || last.length >= LIMITS.restoredCommits || bytes + length > REQUEST_BYTES) {
      result.push([commit])
      bytes = length
    } else {
      last.push(commit)
      bytes += length
    }
  }
  return result
}

function lengthOf({ commit, wraps, blobs, checkpoint }: RestoredCommit): number {
  const digests = blobs.reduce((sum, blob) => sum + blob.digests.length + 150, 0)
  return commit.length + wraps.length * 250 + digests + (checkpoint?.manifest.length ?? 0)
}
