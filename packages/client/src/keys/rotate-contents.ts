import { toHex } from '@strongroom/crypto'
import { pathOf, type ReplaceOperation, referenceCount } from '@strongroom/vault'
import { memorySource } from '../content/memory-source.ts'
import { type DriveContext, transferOf, uploadContext, uploadOptions } from '../drive/context.ts'
import { type ProgressCounter, progressCounter } from '../drive/progress.ts'
import type { TransferOptions, TreeFailure } from '../drive/types.ts'
import { openRekeyJournal } from '../drive/upload-journals.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { UploadJournal } from '../journal/upload-journal.ts'
import { isInline, layoutOf } from '../upload/plan.ts'
import { SMALL_BATCH, uploadSmallFiles } from '../upload/small-files.ts'
import type { UploadedContent } from '../upload/types.ts'
import { uploadContent } from '../upload/upload.ts'
import { blobSource } from './blob-source.ts'
import { dueAge, inOwnOrder, isDue, type KeyedContent, keyedContents } from './contents.ts'
import { type Opened, openStill } from './open-still.ts'
import type { RotateOptions, RotateResult } from './types.ts'

/** Contents of a single part that are committed together. */
const PART_BATCH = 16

interface Run {
  readonly context: DriveContext
  readonly options: TransferOptions
  readonly progress: ProgressCounter
  readonly failures: TreeFailure[]
  contents: number
  bytes: number
  skipped: number
}

/**
 * Gives contents whose keys are due new keys. What is due is settled once, at the beginning, so that nothing is done
 * twice whatever the clocks say.
 */
export async function rotateContents(context: DriveContext, options: RotateOptions = {}): Promise<RotateResult> {
  const { log, platform } = context
  await log.sync(options.signal)
  const ageMs = dueAge(log.state, options.olderThanMs)
  const nowMs = platform.clock.nowMs()
  const due = keyedContents(log.state).filter(({ record }) => isDue(record, ageMs, nowMs))
  return await renewContents(context, inOwnOrder(due, context.deviceId), options)
}

/** Gives these contents new keys, due or not. */
export async function renewContents(
  context: DriveContext,
  due: readonly KeyedContent[],
  options: TransferOptions,
): Promise<RotateResult> {
  const progress = progressCounter(options.onProgress)
  for (const { record } of due) progress.addTotal(1, record.size)
  progress.fixTotal()
  const run: Run = { context, options, progress, failures: [], contents: 0, bytes: 0, skipped: 0 }
  try {
    for (const batch of batchesOf(due)) {
      throwIfAborted(options.signal)
      await rotateBatch(run, batch)
    }
  } finally {
    await context.log.flush()
  }
  const { contents, bytes, skipped, failures } = run
  return { contents, bytes, skipped, failures }
}

/** Small ones as many as travel in one request, larger ones a few at a time, those of several parts alone. */
function* batchesOf(due: readonly KeyedContent[]): Generator<KeyedContent[]> {
  let small: KeyedContent[] = []
  let smallBytes = 0
  let single: KeyedContent[] = []
  for (const content of due) {
    const layout = layoutOf(content.record.size)
    if (isInline(layout)) {
      if (small.length >= SMALL_BATCH.files || smallBytes + layout.blobLength > SMALL_BATCH.bytes) {
        yield small
        ;[small, smallBytes] = [[], 0]
      }
      small.push(content)
      smallBytes += layout.blobLength
    } else if (layout.partCount > 1) yield [content]
    else {
      single.push(content)
      if (single.length >= PART_BATCH) {
        yield single
        single = []
      }
    }
  }
  if (small.length > 0) yield small
  if (single.length > 0) yield single
}

interface Renewed {
  readonly content: KeyedContent
  readonly upload: UploadedContent
}

/** What has come of a batch so far: what was sent, and the journals of contents of several parts. */
interface Progress {
  readonly renewed: Renewed[]
  readonly journals: UploadJournal[]
}

async function rotateBatch(run: Run, batch: readonly KeyedContent[]): Promise<void> {
  const { context, options, progress } = run
  const opened = await openStill(context, batch, options.signal)
  for (let left = batch.length - opened.length; left > 0; left -= 1) skip(run)
  const { renewed, journals }: Progress = { renewed: [], journals: [] }
  try {
    const isSmall = batch.every(({ record }) => isInline(layoutOf(record.size)))
    await (isSmall ? renewSmall(run, opened, renewed) : renewLarge(run, opened, { renewed, journals }))
    await commit(run, renewed)
    for (const journal of journals) await journal.remove()
    for (const { content } of renewed) progress.item(nameOf(run, content), 'done')
  } finally {
    for (const journal of journals) await journal.close()
    for (const { blob } of opened) blob.dek.dispose()
    for (const { upload } of renewed) upload.dek.dispose()
  }
}

/** Each of the tasks, several at a time; all have ended when it returns, and the first failure is thrown. */
async function inLanes<T>(jobs: number, items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await task(item)
  }
  const results = await Promise.allSettled(Array.from({ length: jobs }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** Fetches a batch into memory, several at a time, and sends it in one request. */
async function renewSmall(run: Run, opened: readonly Opened[], renewed: Renewed[]): Promise<void> {
  const { context, options, progress } = run
  const transfer = transferOf(context, options)
  const sources: { item: KeyedContent; source: ReturnType<typeof memorySource>; bytes: Uint8Array }[] = []
  try {
    await inLanes(transfer.jobs, opened, (each) =>
      guarded(run, each.content, async () => {
        const bytes = new Uint8Array(each.blob.layout.size)
        const file = await blobSource(context, each.blob, { ...transfer, signal: options.signal }).open()
        if (bytes.length > 0) await file.read(0, bytes)
        sources.push({ item: each.content, source: memorySource(bytes, 0), bytes })
      }),
    )
    const sending = uploadOptions(transfer, (bytes) => progress.addBytes(bytes))
    for (const result of await uploadSmallFiles(uploadContext(context), sources, sending)) {
      if ('content' in result) renewed.push({ content: result.item, upload: result.content })
      else await guarded(run, result.item, () => Promise.reject(result.error))
    }
  } finally {
    for (const { bytes } of sources) bytes.fill(0)
  }
}

/** Contents of one part side by side, one of several parts with its parts side by side and a journal. */
async function renewLarge(run: Run, opened: readonly Opened[], { renewed, journals }: Progress): Promise<void> {
  const { context, options, progress } = run
  const transfer = transferOf(context, options)
  const alone = opened.length === 1
  await inLanes(alone ? 1 : transfer.jobs, opened, (each) =>
    guarded(run, each.content, async () => {
      const source = blobSource(context, each.blob, { ...transfer, signal: options.signal })
      const sending = uploadOptions(alone ? transfer : { ...transfer, jobs: 1 }, (bytes) => progress.addBytes(bytes))
      const isLong = each.blob.layout.partCount > 1
      const journal = isLong ? await openRekeyJournal(context, each.content.record, options.signal) : undefined
      if (journal !== undefined) journals.push(journal)
      const upload = await uploadContent(uploadContext(context), source, { ...sending, journal })
      renewed.push({ content: each.content, upload })
    }),
  )
}

/** A content that fails does not end the run; what stands in the way of all does. */
async function guarded(run: Run, content: KeyedContent, task: () => Promise<void>): Promise<void> {
  try {
    await task()
  } catch (error) {
    const own = error instanceof ClientError && !['aborted', 'authentication', 'network', 'quota'].includes(error.code)
    if (!own) throw error
    run.failures.push({ path: nameOf(run, content), error })
    run.progress.item(nameOf(run, content), 'failed', error)
  }
}

async function commit(run: Run, renewed: readonly Renewed[]): Promise<void> {
  const { context, options } = run
  if (renewed.length === 0) return
  const operations = renewed.flatMap(replacements)
  await context.log.commit(() => ({ operations, contents: renewed.map(({ upload }) => upload) }), options.signal)
  for (const { upload } of renewed) {
    // What another device did meanwhile leaves nothing to do; the new blob is collected.
    if (referenceCount(context.log.state, upload.blobId) === 0) {
      run.skipped += 1
      continue
    }
    run.contents += 1
    run.bytes += upload.size
  }
}

/** The same bytes under a new key, in every version that has them. */
function replacements({ content, upload }: Renewed): ReplaceOperation[] {
  const { record, places } = content
  const { blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs } = upload
  const next = { slot: record.slot, blobId, header, size, blobLength, partSize, partsRoot, dekTimeMs }
  return places.map(({ nodeId, versionId }) => ({
    op: 'replace',
    nodeId,
    versionId,
    slot: record.slot,
    oldBlobId: record.blobId,
    content: next,
  }))
}

function skip(run: Run): void {
  run.skipped += 1
}

/** What a failure is reported under: the path, or for what lies in the trash its id. */
function nameOf({ context }: Run, { places }: KeyedContent): string {
  const [place] = places
  if (place === undefined) return '?'
  const names = pathOf(context.log.state, place.nodeId)
  return names === null ? toHex(place.nodeId) : `/${names.join('/')}`
}
