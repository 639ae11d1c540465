import { toHex } from '@strongroom/crypto'
import { LIMITS } from '@strongroom/protocol'
import type { ContentRecord } from '@strongroom/vault'
import { currentVersion } from '@strongroom/vault'
import { fetchSlices } from '../download/fetch-parts.ts'
import type { OpenBlob } from '../download/open.ts'
import { sliceRange } from '../download/range.ts'
import { fetchTogether } from '../download/together.ts'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { FileSink, TreeSink } from '../ports.ts'
import { apiCode } from '../transport/api.ts'
import { type DriveContext, fetchContext, openNamed, transferOf } from './context.ts'
import { deliver } from './deliver.ts'
import { descendants, entryOf, FILES_ONLY, type Found, needPath } from './lookup.ts'
import { type ProgressCounter, progressCounter } from './progress.ts'
import type { Entry, GetOptions, GetTreeOptions, TreeFailure, TreeResult } from './types.ts'
import { readableVersion } from './versions.ts'

/** A file's entry and the record of its content. */
interface Readable {
  readonly entry: Entry
  readonly record: ContentRecord
}

/** Entry and content of a file's newest version. @throws ClientError `is_a_folder`, `not_found`, `usage` */
export function readableFile(found: Found): Readable {
  const entry = entryOf(found)
  if (entry === null || entry.kind === 'symlink') throw new ClientError('usage', 'This is not a file.')
  if (entry.kind === 'folder') throw new ClientError('is_a_folder', 'This is a folder.', { details: FILES_ONLY })
  const record = currentVersion(found.node)?.contents.find((content) => content.slot === 'main')
  if (record === undefined) throw new ClientError('not_found', 'The file has no content yet.')
  return { entry, record }
}

/** Downloads one file. */
export async function getFile(
  context: DriveContext,
  path: string,
  sink: FileSink,
  options: GetOptions = {},
): Promise<Entry> {
  await context.log.sync(options.signal)
  await context.log.flush()
  const found = needPath(context.log.state, path)
  const file = options.version === undefined ? readableFile(found) : readableVersion(found, options.version)
  const progress = progressCounter(options.onProgress)
  progress.addTotal(1, file.entry.size)
  progress.fixTotal()
  const [blob] = await openFiles(context, [file], options.signal)
  if (blob === undefined) throw new Error('each record has its blob')
  try {
    const transfer = transferOf(context, options)
    await deliver(context, { entry: file.entry, blob, sink, transfer, progress })
  } finally {
    blob.dek.dispose()
  }
  context.opened(blob.record)
  progress.item(file.entry.path, 'done')
  return file.entry
}

/** Bytes that are handed out at once. */
const PIECE = 1024 * 1024

/** Plaintext of a range. */
export async function* getRange(
  context: DriveContext,
  path: string,
  range: { offset: number; length?: number },
  options: GetOptions = {},
): AsyncGenerator<Uint8Array> {
  await context.log.sync(options.signal)
  await context.log.flush()
  const found = needPath(context.log.state, path)
  const file = options.version === undefined ? readableFile(found) : readableVersion(found, options.version)
  const [blob] = await openFiles(context, [file], options.signal)
  if (blob === undefined) throw new Error('each record has its blob')
  try {
    const slices = sliceRange(blob.layout, range.offset, range.length)
    const transfer = transferOf(context, options)
    for await (const { bytes, release } of fetchSlices(fetchContext(context), blob, slices, transfer)) {
      // Reason: the caller may keep what it is given. Small pieces that it does not keep are given back soon.
      for (let start = 0; start < bytes.length; start += PIECE) yield bytes.slice(start, start + PIECE)
      release()
    }
  } finally {
    blob.dek.dispose()
  }
  context.opened(blob.record)
}

/** How often files are looked up again because their contents were given new keys meanwhile. */
const ATTEMPTS = 3

/** Opens files; of one whose content was encrypted anew meanwhile, the new content of the same version. */
async function openFiles(
  context: DriveContext,
  files: readonly Readable[],
  signal: AbortSignal | undefined,
): Promise<OpenBlob[]> {
  for (let attempt = 1; ; attempt += 1) {
    const records = files.map((file) => recordNow(context, file))
    try {
      return await openNamed(context, records, signal)
    } catch (error) {
      const moved = files.some((file, index) => recordNow(context, file) !== records[index])
      if (apiCode(error) !== 'not_found' || !moved || attempt >= ATTEMPTS) throw error
    }
  }
}

/** The content of the same version, as the log has it now. */
function recordNow({ log }: DriveContext, { entry, record }: Readable): ContentRecord {
  const version = log.state.nodes.get(entry.nodeId)?.versions.find(({ id }) => toHex(id) === entry.versionId)
  return version?.contents.find((content) => content.slot === record.slot) ?? record
}

/** Downloads a folder with all below it; a failure of one file does not end the call. */
export async function getTree(
  context: DriveContext,
  path: string,
  sink: TreeSink,
  options: GetTreeOptions = {},
): Promise<TreeResult> {
  await context.log.sync(options.signal)
  await context.log.flush()
  const top = needPath(context.log.state, path)
  if (top.node.kind !== 'folder') throw new ClientError('not_a_folder', 'This is not a folder.')
  const progress = progressCounter(options.onProgress)
  const counts = { files: 0, folders: 0, symlinks: 0, bytes: 0, skipped: 0 }
  const failures: TreeFailure[] = []
  const files: { relative: string; file: Readable }[] = []
  const links: Entry[] = []
  const guarded = async (entry: Entry, task: () => Promise<void>): Promise<void> => {
    try {
      await task()
    } catch (error) {
      if (!(error instanceof ClientError) || isFatal(error)) throw error
      failures.push({ path: entry.path, error })
      progress.item(entry.path, 'failed', error)
    }
  }
  const prefix = top.names.length === 0 ? 1 : entryPathLength(top) + 1
  await sink.folder('', {})
  const left = new Set<string>()
  for (const found of descendants(context.log.state, top)) {
    const entry = entryOf(found)
    if (entry === null) continue
    if (left.has(parentPath(entry.path)) || options.filter?.(entry) === false) {
      if (entry.kind === 'folder') left.add(entry.path)
      continue
    }
    await guarded(entry, async () => {
      if (entry.kind === 'folder') {
        await sink.folder(entry.path.slice(prefix), {})
        counts.folders += 1
      } else if (entry.kind === 'symlink') links.push(entry)
      else {
        files.push({ relative: entry.path.slice(prefix), file: readableFile(found) })
        progress.addTotal(1, entry.size)
      }
    })
  }
  progress.fixTotal()
  const letGo = context.platform.content.keepMemory?.()
  try {
    await getFiles(context, files, sink, { options, progress, guarded, counts })
  } finally {
    letGo?.()
  }
  // Reason: links come last, so that nothing can be written through one that this call made.
  for (const entry of links) {
    await guarded(entry, async () => {
      await sink.symlink(entry.path.slice(prefix), entry.target ?? '')
      counts.symlinks += 1
      progress.item(entry.path, 'done')
    })
  }
  await sink.finish()
  return { ...counts, failures }
}

interface TreeRun {
  readonly options: GetTreeOptions
  readonly progress: ProgressCounter
  readonly guarded: (entry: Entry, task: () => Promise<void>) => Promise<void>
  readonly counts: { files: number; bytes: number }
}

/** Opens files in batches; several are under way at once, and share the places of the call. */
async function getFiles(
  context: DriveContext,
  files: readonly { relative: string; file: Readable }[],
  sink: TreeSink,
  run: TreeRun,
): Promise<void> {
  const transfer = transferOf(context, run.options)
  for (let start = 0; start < files.length; start += LIMITS.batch) {
    throwIfAborted(run.options.signal)
    const batch = files.slice(start, start + LIMITS.batch)
    const blobs = await openFiles(
      context,
      batch.map(({ file }) => file),
      run.options.signal,
    )
    fetchTogether(context.access, blobs, transfer)
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < batch.length) {
        throwIfAborted(run.options.signal)
        const index = next
        next += 1
        const [task, blob] = [batch[index], blobs[index]]
        if (task === undefined || blob === undefined) return
        const { file, relative } = task
        await run.guarded(file.entry, async () => {
          await deliver(context, {
            entry: file.entry,
            blob,
            sink: sink.file(relative),
            transfer,
            progress: run.progress,
          })
          context.opened(blob.record)
          run.counts.files += 1
          run.counts.bytes += file.entry.size
          run.progress.item(file.entry.path, 'done')
        })
      }
    }
    try {
      const results = await Promise.allSettled(Array.from({ length: transfer.flight?.most ?? transfer.jobs }, lane))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    } finally {
      for (const blob of blobs) blob.dek.dispose()
    }
  }
}

function isFatal(error: ClientError): boolean {
  return ['aborted', 'authentication', 'network', 'upgrade_required'].includes(error.code)
}

function entryPathLength(found: Found): number {
  return `/${found.names.join('/')}`.length
}

function parentPath(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}
