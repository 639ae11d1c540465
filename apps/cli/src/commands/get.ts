import { ClientError, type Drive, type Entry } from '@strongroom/client'
import { fileSink, streamSink } from '@strongroom/client/node'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { pathFilter } from '../filters.ts'
import { isLocalFolder, localChild, makeLocalFolder, resolveLocalConflict } from '../local-target.ts'
import { quoted } from '../output.ts'
import { createProgress } from '../progress.ts'
import { count, formatBytes } from '../quantity.ts'
import { baseName, parseRemotePath } from '../remote-path.ts'
import { systemErrorText } from '../system-errors.ts'
import { failureList } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { parseConflict, readTransferOptions, type TransferFlags } from '../transfer-options.ts'
import { getFolder } from './get-folder.ts'
import type { GetItem, GetOptions, GetTask } from './get-task.ts'
import { parseVersion } from './versions.ts'

export interface GetFlags extends TransferFlags {
  readonly recursive?: boolean
  readonly dryRun?: boolean
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  readonly conflict?: string
  readonly version?: string
}

/** `get`: downloads files, with `-r` folders, or one file to stdout. */
export async function get(context: CommandContext, paths: readonly string[], flags: GetFlags): Promise<ExitCode> {
  const local = paths.length > 1 ? (paths.at(-1) as string) : '.' // length checked
  const remotes = (paths.length > 1 ? paths.slice(0, -1) : paths).map(parseRemotePath)
  refuseSameName(remotes)
  const options = readGetOptions(context, flags)
  if (flags.version !== undefined && (remotes.length > 1 || flags.recursive)) {
    throw new UsageError('--version is for a single file.')
  }
  if (local === '-') {
    const path = remotes[0]
    if (path === undefined || remotes.length > 1 || flags.recursive) {
      throw new UsageError('Only a single file can go to "-" (stdout).')
    }
    if (context.output.json) throw new UsageError('With "-" stdout holds the file itself; leave out --json.')
    return withDrive(context, (drive) => getToStdout(context, drive, path, options))
  }
  const localIsFolder = await isLocalFolder(local)
  if (!localIsFolder && !flags.recursive && (remotes.length > 1 || /[/\\]$/.test(local))) {
    throw new CliError(EXIT.notFound, `There is no folder ${quoted(local)} here; make it first.`)
  }
  return withDrive(context, (drive) => getAll(context, drive, remotes, { local, localIsFolder }, options))
}

/** Refuses two things of one name: the second would take the place of the first. */
function refuseSameName(remotes: readonly string[]): void {
  const taken = new Map<string, string>()
  for (const path of remotes) {
    const key = baseName(path).normalize('NFC')
    const other = taken.get(key)
    if (other !== undefined && other !== path) {
      throw new UsageError(`${quoted(other)} and ${quoted(path)} have the same name; get them into different folders.`)
    }
    taken.set(key, path)
  }
}

function readGetOptions(context: CommandContext, flags: GetFlags): GetOptions {
  return {
    transfer: readTransferOptions(context, flags),
    conflict: parseConflict(flags.conflict) ?? 'replace',
    dryRun: flags.dryRun ?? false,
    recursive: flags.recursive ?? false,
    filter: pathFilter(flags.include ?? [], flags.exclude ?? []),
    emptyFolders: (flags.include ?? []).length === 0,
    version: flags.version === undefined ? undefined : parseVersion(flags.version),
  }
}

async function getToStdout(
  context: CommandContext,
  drive: Drive,
  path: string,
  options: GetOptions,
): Promise<ExitCode> {
  const entry = await aboutPath(path, () => drive.stat(path, { signal: context.signal }))
  requireFile(entry)
  if (options.dryRun) {
    context.output.line(`Would get ${terminalText(path)} to stdout`)
    return EXIT.done
  }
  const progress = createProgress(context.output.interactive && !process.stdout.isTTY)
  try {
    await aboutPath(path, () =>
      drive.get(path, streamSink(process.stdout), {
        ...options.transfer,
        version: options.version,
        onProgress: progress.newCall(),
      }),
    )
  } finally {
    progress.stop()
  }
  return EXIT.done
}

function requireFile(entry: Entry): void {
  if (entry.kind === 'folder') {
    throw new UsageError(`${quoted(entry.path)} is a folder; add -r to get it with everything in it.`)
  }
  if (entry.kind === 'symlink') {
    throw new CliError(EXIT.failed, `${quoted(entry.path)} is a symbolic link; add -r to get it as one.`)
  }
}

async function getAll(
  context: CommandContext,
  drive: Drive,
  remotes: readonly string[],
  place: { local: string; localIsFolder: boolean },
  options: GetOptions,
): Promise<ExitCode> {
  const { output, signal } = context
  const failures = failureList(output)
  const progress = createProgress(output.interactive && !options.dryRun)
  const items: GetItem[] = []
  try {
    for (const path of remotes) {
      try {
        const entry = await drive.stat(path, { signal })
        const task = { context, drive, options, onProgress: progress.newCall(), failures }
        if (entry.kind !== 'file' && options.recursive) items.push(...(await getFolder(task, entry, place.local)))
        else items.push(await getOne(task, entry, await localPathOf(entry, place, options)))
      } catch (error) {
        failures.add(path, error)
      }
    }
  } finally {
    progress.stop()
  }
  report(context, items, options.dryRun, failures.list)
  return failures.exitCode(items.length)
}

async function localPathOf(
  entry: Entry,
  place: { local: string; localIsFolder: boolean },
  options: GetOptions,
): Promise<string> {
  if (place.localIsFolder) return localChild(place.local, entry.name)
  if (options.recursive && /[/\\]$/.test(place.local)) {
    if (!options.dryRun) await makeLocalFolder(place.local)
    return localChild(place.local, entry.name)
  }
  return place.local
}

async function getOne(task: GetTask, entry: Entry, localPath: string): Promise<GetItem> {
  const { drive, options } = task
  requireFile(entry)
  const target = await resolveLocalConflict(localPath, options.conflict)
  const item = { path: entry.path, localPath: target ?? localPath, size: entry.size }
  if (target === null) return { ...item, outcome: 'skipped' }
  if (!options.dryRun) {
    const sink = fileSink(target, { overwrite: options.conflict === 'replace' })
    const call = { ...options.transfer, version: options.version, onProgress: task.onProgress }
    const got = await aboutTarget(target, () => drive.get(entry.path, sink, call))
    return { ...item, size: got.size, outcome: 'done' }
  }
  return { ...item, outcome: 'done' }
}

/** Runs a download, and names the local file when the local file system refuses it. */
async function aboutTarget<T>(target: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (!(cause instanceof ClientError) || cause.code !== 'local_io' || cause.details.place === 'profile') throw cause
    const reason = systemErrorText({ code: cause.details.errno })
    throw new CliError(EXIT.failed, `Cannot write ${quoted(target)}: ${reason}.`, { cause })
  }
}

function report(
  context: CommandContext,
  items: readonly GetItem[],
  dryRun: boolean,
  failed: ReturnType<typeof failureList>['list'],
): void {
  const { output } = context
  if (output.json) {
    output.document({ dryRun, items, failed })
  } else if (dryRun) {
    for (const item of items) {
      const verb = item.outcome === 'skipped' ? 'Would skip' : 'Would get'
      output.line(`${verb} ${terminalText(item.path)} to ${terminalText(item.localPath)}`)
    }
  } else if (items.length > 0) {
    const done = items.filter((item) => item.outcome === 'done')
    const bytes = done.reduce((sum, item) => sum + item.size, 0)
    const skipped = items.length - done.length
    const parts = [`Got ${count(done.length, 'item')} (${formatBytes(bytes)})`]
    if (skipped > 0) parts.push(`${skipped} skipped`)
    if (failed.length > 0) parts.push(`${failed.length} failed`)
    output.note(`${parts.join(', ')}.`)
  }
}
