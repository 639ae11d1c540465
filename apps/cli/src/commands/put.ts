import type { Drive, FileSource, ProgressEvent } from '@strongroom/client'
import { fileSource, streamSource } from '@strongroom/client/node'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath, isAboutLocalFile } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { pathFilter } from '../filters.ts'
import { quoted } from '../output.ts'
import { createProgress } from '../progress.ts'
import { count, formatBytes } from '../quantity.ts'
import { namesFolder, parseRemotePath } from '../remote-path.ts'
import { failureList } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { parseConflict, readTransferOptions, type TransferFlags } from '../transfer-options.ts'
import { localPathOf, type Placement, uploadItems, uploadSize } from '../upload-items.ts'
import { placeSources, sourceKind, statOrNull } from './placement.ts'
import { tidyAfter } from './retention.ts'

export interface PutFlags extends TransferFlags {
  readonly recursive?: boolean
  readonly dryRun?: boolean
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  readonly conflict?: string
}

/** `put`: uploads files, with `-r` folders, or stdin. */
export async function put(context: CommandContext, paths: readonly string[], flags: PutFlags): Promise<ExitCode> {
  const destination = paths.at(-1)
  const sources = paths.slice(0, -1)
  if (destination === undefined || sources.length === 0) {
    throw new UsageError('Name what to put, and where: strongroom put FILE... /FOLDER.')
  }
  parseRemotePath(destination)
  readPutOptions(context, flags)
  if (sources.includes('-')) {
    if (sources.length > 1) throw new UsageError('"-" (stdin) can only be put alone.')
    return putStdin(context, destination, flags)
  }
  const recursive = flags.recursive ?? false
  const kinds = await Promise.all(sources.map((source) => sourceKind(source, recursive)))
  const known = sources.map((path, index) => ({ path, kind: kinds[index] as 'file' | 'folder' })) // same length
  return withDrive(context, async (drive) => {
    const placements = await placeSources(drive, known, destination, context.signal)
    const single = placements[0]
    const isSingle = placements.length === 1 && single !== undefined && !recursive
    const code = isSingle
      ? await putOne(context, drive, single, flags)
      : await putMany(context, drive, placements, flags)
    if (!flags.dryRun) await tidyAfter(context, drive)
    return code
  })
}

function readPutOptions(context: CommandContext, flags: PutFlags) {
  return {
    ...readTransferOptions(context, flags),
    conflict: parseConflict(flags.conflict),
    dryRun: flags.dryRun ?? false,
    filter: pathFilter(flags.include ?? [], flags.exclude ?? []),
  }
}

async function putOne(context: CommandContext, drive: Drive, placement: Placement, flags: PutFlags): Promise<ExitCode> {
  const { filter: _, ...options } = readPutOptions(context, flags)
  const source = await aboutPath(placement.localPath, () => fileSource(placement.localPath))
  return putSource(context, drive, { source, ...placement }, options)
}

async function putStdin(context: CommandContext, destination: string, flags: PutFlags): Promise<ExitCode> {
  const { filter: _, ...options } = readPutOptions(context, flags)
  const path = parseRemotePath(destination)
  return withDrive(context, async (drive) => {
    const entry = namesFolder(destination) || path === '/' ? null : await statOrNull(drive, path, context.signal)
    if (entry?.kind === 'folder' || namesFolder(destination)) {
      throw new UsageError('Data from stdin needs a file name: strongroom put - /FOLDER/NAME.')
    }
    const source = streamSource(process.stdin, Date.now())
    return putSource(context, drive, { source, localPath: 'stdin', remotePath: path }, options)
  })
}

async function putSource(
  context: CommandContext,
  drive: Drive,
  from: Placement & { source: FileSource },
  options: Omit<ReturnType<typeof readPutOptions>, 'filter'>,
): Promise<ExitCode> {
  const { output } = context
  const progress = createProgress(output.interactive)
  let result: Awaited<ReturnType<Drive['put']>>
  try {
    const call = { ...options, onProgress: progress.newCall() }
    result = await aboutPath(from.remotePath, () => drive.put(from.source, from.remotePath, call), from.localPath)
  } finally {
    progress.stop()
  }
  const failed: never[] = []
  if (output.json) {
    const { path, outcome, nodeId, size } = result
    output.document({ dryRun: options.dryRun, items: [{ path, outcome, nodeId, size }], failed })
  } else if (options.dryRun) {
    output.line(`${result.outcome === 'skipped' ? 'Would skip' : 'Would put'} ${terminalText(result.path)}`)
  } else if (result.outcome === 'skipped') {
    output.note(`Skipped ${quoted(result.path)}: it is there already.`)
  } else {
    output.note(`Put ${quoted(result.path)} (${formatBytes(result.size)}).`)
  }
  return EXIT.done
}

async function putMany(
  context: CommandContext,
  drive: Drive,
  placements: readonly Placement[],
  flags: PutFlags,
): Promise<ExitCode> {
  const { output } = context
  const { filter, ...options } = readPutOptions(context, flags)
  const failures = failureList(output)
  const progress = createProgress(output.interactive)
  const items: { path: string; outcome: 'done' | 'skipped' }[] = []
  const tell = progress.newCall()
  const onProgress = (event: ProgressEvent): void => {
    tell(event)
    if (event.type === 'item' && event.outcome !== 'failed') items.push({ path: event.path, outcome: event.outcome })
  }
  const recursive = flags.recursive ?? false
  const emptyFolders = (flags.include ?? []).length === 0
  const uploads = { filter, recursive, emptyFolders, onFailure: failures.add }
  if (output.interactive) {
    // Beside the upload: the bar has a time left once the whole tree was looked at.
    const ignored = (): void => {}
    uploadSize(placements, { ...uploads, onFailure: ignored }).then(progress.expect, ignored)
  }
  let result: Awaited<ReturnType<Drive['putTree']>>
  try {
    result = await drive.putTree(uploadItems(placements, uploads), {
      ...options,
      onProgress,
      parents: true,
      skipUnchanged: recursive,
    })
  } finally {
    progress.stop()
  }
  for (const { path, error } of result.failures) {
    failures.add(isAboutLocalFile(error) ? localPathOf(placements, path) : path, error)
  }
  const { files, folders, symlinks, bytes, skipped } = result
  const done = files + folders + symlinks + skipped
  if (output.json) {
    const counts = { files, folders, symlinks, bytes, skipped }
    output.document({ dryRun: options.dryRun, ...counts, items, failed: failures.list })
  } else if (options.dryRun) {
    for (const item of items) {
      output.line(`${item.outcome === 'skipped' ? 'Would skip' : 'Would put'} ${terminalText(item.path)}`)
    }
  } else if (done > 0) {
    const parts = [`Put ${count(files, 'file')} (${formatBytes(bytes)})`]
    if (folders > 0) parts.push(count(folders, 'folder'))
    if (symlinks > 0) parts.push(count(symlinks, 'symbolic link'))
    if (skipped > 0) parts.push(`${skipped} skipped`)
    if (failures.list.length > 0) parts.push(`${failures.list.length} failed`)
    output.note(`${parts.join(', ')}.`)
  }
  return failures.exitCode(done)
}
