import type { Drive, TrashedEntry } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { askYes, canAsk } from '../prompts.ts'
import { count, formatBytes, parseWhole } from '../quantity.ts'
import { parseRemotePath } from '../remote-path.ts'
import { writeStdout } from '../stdout.ts'
import { forEachTarget } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'
import { entryJson } from './browse.ts'
import { parseVersion } from './versions.ts'

/** `trash`: what is in it, the newest first. */
export async function trash(context: CommandContext): Promise<ExitCode> {
  const { signal, output } = context
  const entries = await withDrive(context, (drive) => drive.listTrash({ signal }))
  if (output.json) {
    output.document(entries.map(trashedJson))
    return EXIT.done
  }
  const width = Math.max(1, ...entries.map((entry) => String(entry.size).length))
  const lines = entries.map((entry) => {
    const slash = entry.kind === 'folder' ? '/' : ''
    return `${entry.nodeId}  ${shownTime(entry.trashedMs)}  ${String(entry.size).padStart(width)}  ${terminalText(entry.path)}${slash}`
  })
  if (lines.length > 0) await writeStdout(new TextEncoder().encode(`${lines.join('\n')}\n`))
  else output.note('The trash is empty.')
  return EXIT.done
}

function trashedJson(entry: TrashedEntry): Record<string, unknown> {
  return {
    ...entryJson(entry),
    items: entry.items,
    trashedMs: entry.trashedMs,
    trashedTime: isoTime(entry.trashedMs),
  }
}

export interface EmptyTrashFlags {
  readonly olderThan?: string
  readonly yes?: boolean
  readonly dryRun?: boolean
}

/** `trash empty`: destroys what is in it, after asking. */
export async function trashEmpty(context: CommandContext, flags: EmptyTrashFlags): Promise<ExitCode> {
  const { signal, output } = context
  const olderThanDays = flags.olderThan === undefined ? 0 : parseWhole(flags.olderThan, '--older-than', 0, 36_500)
  const dryRun = flags.dryRun ?? false
  if (!flags.yes && !dryRun && !canAsk()) {
    throw new UsageError('This destroys for good; without a terminal, confirm it with --yes.')
  }
  const result = await withDrive(context, async (drive) => {
    const planned = await drive.emptyTrash({ signal, olderThanDays, dryRun: true })
    if (dryRun || planned.items === 0) return planned
    if (!flags.yes) {
      const what = `${count(planned.items, 'item')} (${formatBytes(planned.size)})`
      if (!(await askYes(`Destroy ${what} for good?`, signal))) return null
    }
    return await drive.emptyTrash({ signal, olderThanDays })
  })
  if (result === null) {
    output.note('Nothing was destroyed.')
    return EXIT.done
  }
  const { entries, items, size } = result
  if (output.json) output.document({ dryRun, items, size, entries: entries.map(trashedJson) })
  else if (dryRun) for (const entry of entries) output.line(`Would destroy ${terminalText(entry.path)}`)
  else if (items === 0) output.note('There was nothing to destroy.')
  else output.note(`Destroyed ${count(items, 'item')} (${formatBytes(size)}) for good.`)
  return EXIT.done
}

export interface RestoreFlags {
  readonly to?: string
  readonly version?: string
  readonly dryRun?: boolean
}

/** `restore`: takes things out of the trash, or with `--version` makes an old version the newest again. */
export async function restore(
  context: CommandContext,
  targets: readonly string[],
  flags: RestoreFlags,
): Promise<ExitCode> {
  const { signal, output } = context
  if (flags.version !== undefined) return restoreOldVersion(context, targets, flags.version, flags)
  const to = flags.to === undefined ? undefined : parseRemotePath(flags.to)
  const wanted = targets.map((target) => (target.startsWith('/') ? parseRemotePath(target) : target))
  const result = await withDrive(context, (drive) =>
    forEachTarget(output, wanted, async (what) => {
      const entry = await drive.restore(what, { signal, to })
      output.note(`Restored ${quoted(entry.path)}.`)
      return { from: what, path: entry.path, nodeId: entry.nodeId }
    }),
  )
  if (output.json) output.document({ items: result.done, failed: result.failures.list })
  return result.exitCode
}

async function restoreOldVersion(
  context: CommandContext,
  targets: readonly string[],
  versionText: string,
  flags: RestoreFlags,
): Promise<ExitCode> {
  const [target] = targets
  if (target === undefined || targets.length > 1) throw new UsageError('With --version, name one file.')
  if (flags.to !== undefined) throw new UsageError('--version and --to do not go together; use "get --version".')
  const path = parseRemotePath(target)
  const version = parseVersion(versionText)
  const restoreOne = (drive: Drive) =>
    aboutPath(path, () => drive.restoreVersion(path, version, { signal: context.signal }))
  const entry = await withDrive(context, restoreOne)
  if (context.output.json) context.output.document(entryJson(entry))
  context.output.note(`Version ${terminalText(versionText)} of ${quoted(path)} is the newest again.`)
  return EXIT.done
}
