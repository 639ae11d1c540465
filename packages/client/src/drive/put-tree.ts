import type { BlobId } from '@strongroom/crypto'
import { bufferPool } from '../content/buffers.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { UploadJournal } from '../journal/upload-journal.ts'
import type { FileSource } from '../ports.ts'
import { isInline, layoutOf } from '../upload/plan.ts'
import { SMALL_BATCH, type Small, uploadSmallFiles } from '../upload/small-files.ts'
import type { UploadedContent } from '../upload/types.ts'
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
import { GONE_STREAM, goneBlobs } from './gone.ts'
import { parsePath } from './paths.ts'
import { checkDepth, planWrites, type WriteIntent, type WriteOutcome } from './plan-writes.ts'
import { progressCounter } from './progress.ts'
import { isUnchanged } from './put.ts'
import { collisionsOf, settled } from './settled.ts'
import type { PutTreeOptions, TreeFailure, TreeItem, TreeResult } from './types.ts'
import { openUploadJournal } from './upload-journals.ts'

/** Items of one commit: their operations, names and records stay well below the largest body. */
const COMMIT_ITEMS = 1000
/** Bytes of names and link targets in one commit. */
const COMMIT_NAME_BYTES = 256 * 1024
/** Larger files that are under way at once; their parts share the places of the call. */
const MOST_LARGE = 6

interface FileItem {
  readonly item: TreeItem
  readonly names: string[]
  readonly source: FileSource
}

/** An intent that waits for its commit, and where its content came from. */
interface Pending {
  intent: WriteIntent
  size: number
  readonly path: string
  readonly source: FileSource | null
  readonly journal: UploadJournal | undefined
}

/** A failure that ends the whole call, however many files it has. */
function isFatal(error: unknown): boolean {
  if (!(error instanceof ClientError)) return true
  return ['aborted', 'authentication', 'integrity', 'network', 'quota', 'upgrade_required'].includes(error.code)
}

function isQuota(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'quota'
}

/**
 * Uploads a tree: small files travel in batches inside their reservations, larger ones part by part, and a commit is
 * made for every thousand items, so that a tree of many files costs few requests and a crash loses little.
 */
export async function putTree(
  context: DriveContext,
  items: AsyncIterable<TreeItem>,
  options: PutTreeOptions = {},
): Promise<TreeResult> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal])
  const run = treeRun(context, options, { signal, stop: () => stop.abort() })
  await context.log.sync(options.signal)
  try {
    for await (const item of items) {
      throwIfAborted(options.signal)
      await run.add(item)
    }
    return await run.finish()
  } catch (error) {
    // Reason: what was uploaded takes room; without its commit nobody could see it, or remove it to make room.
    if (isQuota(error)) await run.commitUploaded()
    else stop.abort()
    throw error
  } finally {
    await run.dispose()
    await context.log.flush()
  }
}

/** Of the files under way: the first failure that ends the call ends the others, unless room is all that is missing. */
interface Stopping {
  readonly signal: AbortSignal
  readonly stop: () => void
}

/** What became of the upload of a larger file. */
type Large = { readonly content: UploadedContent; readonly journal: UploadJournal | undefined } | { error: unknown }

function treeRun(context: DriveContext, options: PutTreeOptions, { signal, stop }: Stopping) {
  const { log } = context
  const progress = progressCounter(options.onProgress)
  const transfer = transferOf(context, options)
  const upload = uploadOptions({ ...transfer, signal }, progress.addBytes)
  const conflict = options.conflict ?? 'replace'
  const parents = options.parents ? new Map() : null
  const counts = { files: 0, folders: 0, symlinks: 0, bytes: 0, skipped: 0 }
  const failures: TreeFailure[] = []
  let small: Small<FileItem>[] = []
  const rooms = bufferPool(SMALL_BATCH.bytes)
  const letGo = context.platform.content.keepMemory?.()
  let smallBytes = 0
  let pending: Pending[] = []
  let nameBytes = 0
  /** What is on its way; its intents join `pending` in the order of the items. Never rejects. */
  let joined: Promise<void> = Promise.resolve()
  /** The last batch of small files. Never rejects. */
  let batchBefore: Promise<unknown> = Promise.resolve()
  const large = new Set<Promise<unknown>>()
  const fatal: unknown[] = []

  const end = (error: unknown): void => {
    fatal.push(error)
    // What has room already goes on: it is committed.
    if (!isQuota(error)) stop()
  }

  const checkFatal = (): void => {
    if (fatal.length > 0) throw fatal[0]
  }

  const join = (step: () => Promise<void>): void => {
    joined = joined.then(step).catch(end)
  }

  const fail = (path: string, error: unknown): void => {
    if (isFatal(error)) throw error
    const known = error as ClientError // Checked by `isFatal`.
    failures.push({ path, error: known })
    progress.item(path, 'failed', known)
  }

  const addFileIntent = (file: FileItem, content: UploadedContent, journal?: UploadJournal): void => {
    const intent = { ...fileIntent(file, content), ...journal?.ids }
    addIntent(intent, file.item.path, { size: content.size, source: file.source, journal })
  }

  const addIntent = (
    intent: WriteIntent,
    path: string,
    from: Pick<Pending, 'size' | 'source' | 'journal'> = { size: 0, source: null, journal: undefined },
  ): void => {
    pending.push({ intent, path, ...from })
    nameBytes += path.length * 3 + (intent.kind === 'symlink' ? intent.target.length * 3 : 0)
  }

  const commitPending = async (): Promise<void> => {
    let batch = pending
    pending = []
    nameBytes = 0
    if (batch.length === 0) return
    try {
      const outcomes = await commitBatch(batch).catch(async (error: unknown) => {
        const isGone = goneBlobs(error)
        if (isGone === null) throw error
        batch = await uploadAgain(batch, isGone)
        return await commitBatch(batch)
      })
      for (const { journal } of batch) await journal?.remove()
      for (const [index, { intent, path, size }] of batch.entries()) settle(intent, path, size, outcomes[index])
    } catch (error) {
      // The commit was everybody's, and so is its failure.
      for (const { path } of batch) fail(path, error)
    } finally {
      for (const { intent } of batch) disposeContent(intent)
    }
  }

  const commitBatch = async (batch: readonly Pending[]): Promise<readonly WriteOutcome[]> => {
    const intents = batch.map(({ intent }) => intent)
    let outcomes: readonly WriteOutcome[] = []
    const plan = (state: typeof log.state) => {
      const planned = planWrites(state, intents, writeContext(context))
      outcomes = planned.outcomes
      return { ...planned, collisions: collisionsOf(conflict) }
    }
    if (options.dryRun) {
      plan(log.state)
      return outcomes
    }
    const committed = await log.commit(plan, options.signal)
    return outcomes.map((planned, index) => {
      const intent = intents[index]
      return intent === undefined ? planned : settled(log.state, intent, planned, committed)
    })
  }

  /** Uploads what the server had deleted before its commit; returns what is still to be committed. */
  const uploadAgain = async (batch: readonly Pending[], isGone: (blobId: BlobId) => boolean): Promise<Pending[]> => {
    const left: Pending[] = []
    for (const entry of batch) {
      const { intent, path, size, source } = entry
      left.push(entry)
      if (intent.kind !== 'file' || !('upload' in intent.content) || !isGone(intent.content.upload.blobId)) continue
      disposeContent(intent)
      progress.addBytes(-size)
      try {
        if (source === null || source.kind === 'stream') throw new ClientError('conflict', GONE_STREAM)
        const content = await uploadContent(uploadContext(context), source, upload)
        entry.intent = { ...intent, content: { upload: content } }
        entry.size = content.size
      } catch (error) {
        left.pop()
        fail(path, error)
      }
    }
    return left
  }

  const settle = (intent: WriteIntent, path: string, size: number, outcome: WriteOutcome | undefined): void => {
    if (outcome === undefined) return
    if (outcome.outcome === 'failed') fail(path, outcome.error)
    else if (intent.kind === 'folder') counts.folders += outcome.outcome === 'created' ? 1 : 0
    else if (outcome.outcome === 'skipped') {
      counts.skipped += 1
      progress.item(path, 'skipped')
    } else {
      counts.symlinks += intent.kind === 'symlink' ? 1 : 0
      counts.files += intent.kind === 'file' ? 1 : 0
      counts.bytes += size
      progress.item(outcome.path, 'done')
    }
  }

  const fileIntent = ({ item, names }: FileItem, content: UploadedContent): WriteIntent => ({
    kind: 'file',
    names,
    nodeId: newNodeId(context),
    versionId: newVersionId(context),
    parents,
    content: { upload: content },
    mtimeMs: Math.trunc(item.mtimeMs),
    mode: item.mode ?? null,
    conflict,
    base: null,
  })

  const commitIfFull = async (): Promise<void> => {
    if (pending.length >= COMMIT_ITEMS || nameBytes >= COMMIT_NAME_BYTES) await commitPending()
  }

  /** Sends the collected small files, while the next ones are being read. */
  const sendSmall = async (): Promise<void> => {
    const batch = small
    small = []
    smallBytes = 0
    if (batch.length === 0) return
    const uploading = uploadSmallFiles(uploadContext(context), batch, upload, rooms)
    uploading.catch(() => undefined)
    // Invariant: at most two batches are in memory, one under way and one being prepared.
    await batchBefore
    batchBefore = uploading.catch(end)
    join(async () => {
      for (const result of await uploading) {
        const { item } = result
        if ('content' in result) addFileIntent(item, result.content)
        else fail(item.item.path, result.error)
      }
      await commitIfFull()
    })
    checkFatal()
  }

  const uploadLarge = async ({ item, source }: FileItem): Promise<Large> => {
    let journal: UploadJournal | undefined
    try {
      journal = await openUploadJournal(context, source, item.path, signal)
      return { content: await uploadContent(uploadContext(context), source, { ...upload, journal }), journal }
    } catch (error) {
      await journal?.close()
      if (isFatal(error)) end(error)
      return { error }
    }
  }

  /** Sends a larger file, while the next ones are being read. */
  const sendLarge = async (file: FileItem): Promise<void> => {
    while (large.size >= MOST_LARGE) await Promise.race(large)
    checkFatal()
    const uploading = uploadLarge(file)
    large.add(uploading)
    void uploading.finally(() => large.delete(uploading))
    join(async () => {
      const done = await uploading
      if ('error' in done) return fail(file.item.path, done.error)
      addFileIntent(file, done.content, done.journal)
      // Its record stays until the commit.
      await done.journal?.close()
      await commitIfFull()
    })
  }

  const addFile = async (file: FileItem): Promise<void> => {
    const { item, source } = file
    if (source.kind === 'seekable') {
      progress.addTotal(1, source.size)
      const same = (options.skipUnchanged ?? true) && isUnchanged(context, item.path, source.size, item.mtimeMs)
      if (same) {
        counts.skipped += 1
        progress.addBytes(source.size)
        return progress.item(item.path, 'skipped')
      }
      if (options.dryRun) {
        counts.files += 1
        counts.bytes += source.size
        return progress.item(item.path, 'done')
      }
      const layout = layoutOf(source.size)
      if (isInline(layout)) {
        if (small.length >= SMALL_BATCH.files || smallBytes + layout.blobLength > SMALL_BATCH.bytes) await sendSmall()
        small.push({ item: file, source })
        smallBytes += layout.blobLength
        return
      }
    }
    await sendLarge(file)
  }

  return {
    async add(item: TreeItem): Promise<void> {
      try {
        const names = parsePath(item.path)
        // Reason: before anything is sent for it.
        checkDepth(names)
        if (item.kind === 'file') {
          if (item.source === undefined) throw new ClientError('usage', 'A file of a tree needs a source.')
          return await addFile({ item, names, source: item.source })
        }
        // Invariant: a folder's intent stands before those of what is in it: files join after their upload, and
        // commits are appended in the order in which they were asked for.
        checkFatal()
        if (item.kind === 'folder') {
          addIntent({ kind: 'folder', names, nodeId: newNodeId(context), parents }, item.path)
        } else {
          if (item.target === undefined) throw new ClientError('usage', 'A symbolic link of a tree needs a target.')
          const { target } = item
          addIntent({ kind: 'symlink', names, nodeId: newNodeId(context), parents, target, conflict }, item.path)
        }
        await commitIfFull()
      } catch (error) {
        fail(item.path, error)
      }
    },
    async finish(): Promise<TreeResult> {
      progress.fixTotal()
      await sendSmall()
      await joined
      checkFatal()
      await commitPending()
      return { ...counts, failures }
    },
    async commitUploaded(): Promise<void> {
      await joined
      await commitPending()
    },
    async dispose(): Promise<void> {
      await joined
      for (const { intent } of pending) disposeContent(intent)
      letGo?.()
    },
  }
}

function disposeContent(intent: WriteIntent): void {
  if (intent.kind === 'file' && 'upload' in intent.content) intent.content.upload.dek.dispose()
}
