import { toHex } from '@strongroom/crypto'
import { currentVersion } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { FileSource } from '../ports.ts'
import { openStream } from '../upload/stream-source.ts'
import type { UploadOptions } from '../upload/types.ts'
import { uploadContent } from '../upload/upload.ts'
import {
  type DriveContext,
  newNodeId,
  newVersionId,
  transferOf,
  uploadContext,
  uploadOptions,
  writeContext,
} from './context.ts'
import { GONE_ATTEMPTS, GONE_STREAM, goneBlobs } from './gone.ts'
import { findPath } from './lookup.ts'
import { parsePath } from './paths.ts'
import { type FileIntent, planWrites, type WriteOutcome } from './plan-writes.ts'
import { type ProgressCounter, progressCounter } from './progress.ts'
import { collisionsOf, settled } from './settled.ts'
import type { PutOptions, PutResult } from './types.ts'
import { openUploadJournal, putBefore } from './upload-journals.ts'

/** Uploads one file. The place is checked before the first byte is sent. */
export async function putFile(
  context: DriveContext,
  given: FileSource,
  path: string,
  options: PutOptions = {},
): Promise<PutResult> {
  const { log } = context
  const names = parsePath(path)
  await log.sync(options.signal)
  // Reason: planning with no content yet finds every reason to refuse, and what a later plan may replace.
  const intent = draft(context, names, given, options)
  const outcome = only(planWrites(log.state, [intent], writeContext(context)).outcomes)
  if (outcome.outcome === 'skipped' || options.dryRun) {
    const size = given.kind === 'seekable' ? given.size : 0
    return { path: outcome.path, outcome: outcome.outcome, nodeId: toHex(outcome.nodeId), size }
  }
  const source = given.kind === 'stream' ? await openStream(given, options.signal) : given
  const progress = progressCounter(options.onProgress)
  progress.addTotal(1, source.kind === 'seekable' ? source.size : 0)
  if (source.kind === 'seekable') progress.fixTotal()
  const transfer = transferOf(context, options)
  const journal = await openUploadJournal(context, source, path, options.signal)
  const sending = { ...uploadOptions(transfer, progress.addBytes), journal }
  try {
    const result = await putContent(context, source, { ...intent, ...journal?.ids }, { options, progress, sending })
    await journal?.remove()
    return result
  } finally {
    await journal?.close()
  }
}

interface Putting {
  readonly options: PutOptions
  readonly progress: ProgressCounter
  readonly sending: UploadOptions
}

async function putContent(
  context: DriveContext,
  source: FileSource,
  intent: FileIntent,
  { options, progress, sending }: Putting,
): Promise<PutResult> {
  for (let attempt = 1; ; attempt += 1) {
    const upload = await uploadContent(uploadContext(context), source, sending)
    try {
      const mtimeMs = upload.laterMtimeMs ?? intent.mtimeMs
      const { size, inVault } = upload
      const { names, conflict } = intent
      const { journal } = sending
      const before = inVault ? putBefore(context.log, { journal, names, conflict, mtimeMs, size }) : null
      if (before !== null) {
        progress.item(before.path, 'done')
        return before
      }
      const result = await commitUpload(context, { ...intent, content: { upload } }, options.signal)
      progress.item(result.path, result.outcome === 'skipped' ? 'skipped' : 'done')
      return { path: result.path, outcome: result.outcome, nodeId: toHex(result.nodeId), size: upload.size }
    } catch (error) {
      if (goneBlobs(error) === null) throw error
      if (source.kind === 'stream') throw new ClientError('conflict', GONE_STREAM, { cause: error })
      if (attempt >= GONE_ATTEMPTS) throw error
      progress.addBytes(-upload.size)
    } finally {
      upload.dek.dispose()
      await context.log.flush()
    }
  }
}

async function commitUpload(context: DriveContext, intent: FileIntent, signal: AbortSignal | undefined) {
  const { log } = context
  let outcomes: readonly WriteOutcome[] = []
  const committed = await log.commit((state) => {
    const plan = planWrites(state, [intent], writeContext(context))
    outcomes = plan.outcomes
    return { ...plan, collisions: collisionsOf(intent.conflict) }
  }, signal)
  return only([settled(log.state, intent, only(outcomes), committed)])
}

function draft(context: DriveContext, names: string[], source: FileSource, options: PutOptions): FileIntent {
  return {
    kind: 'file',
    names,
    nodeId: newNodeId(context),
    versionId: newVersionId(context),
    parents: options.parents ? new Map() : null,
    content: { records: [] },
    mtimeMs: Math.trunc(source.mtimeMs),
    mode: source.mode ?? null,
    conflict: options.conflict ?? 'replace',
    base: null,
  }
}

function only(outcomes: readonly WriteOutcome[]): Exclude<WriteOutcome, { outcome: 'failed' }> {
  const outcome = outcomes[0]
  if (outcome === undefined) throw new Error('each intent has an outcome')
  if (outcome.outcome === 'failed') throw outcome.error
  return outcome
}

/** Whether a file is there already with this size and time. */
export function isUnchanged(context: DriveContext, path: string, size: number, mtimeMs: number): boolean {
  let found: ReturnType<typeof findPath>
  try {
    found = findPath(context.log.state, path)
  } catch (error) {
    if (error instanceof ClientError) return false
    throw error
  }
  if (found === null || found.node.kind !== 'file') return false
  const version = currentVersion(found.node)
  const main = version?.contents.find((content) => content.slot === 'main')
  return main?.size === size && version?.mtimeMs === Math.trunc(mtimeMs)
}
