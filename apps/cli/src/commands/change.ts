import type { Drive, Entry } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { quoted } from '../output.ts'
import { count } from '../quantity.ts'
import { joinRemote, namesFolder, parseRemotePath } from '../remote-path.ts'
import { forEachTarget } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { parseConflict } from '../transfer-options.ts'
import { statOrNull } from './placement.ts'
import { tidyAfter } from './retention.ts'

export interface MoveFlags {
  readonly conflict?: string
  readonly dryRun?: boolean
  readonly recursive?: boolean
}

/** `mv`: moves or renames. */
export function mv(context: CommandContext, paths: readonly string[], flags: MoveFlags): Promise<ExitCode> {
  const conflict = parseConflict(flags.conflict)
  return relocate(context, paths, flags, 'Moved', (drive, from, to) =>
    drive.move(from, to, { signal: context.signal, ...(conflict ? { conflict } : {}) }),
  )
}

/** `cp`: copies; contents are shared, so nothing is uploaded. */
export function cp(context: CommandContext, paths: readonly string[], flags: MoveFlags): Promise<ExitCode> {
  const conflict = parseConflict(flags.conflict)
  const recursive = flags.recursive ?? false
  return relocate(context, paths, flags, 'Copied', (drive, from, to) =>
    drive.copy(from, to, { signal: context.signal, recursive, ...(conflict ? { conflict } : {}) }),
  )
}

async function relocate(
  context: CommandContext,
  paths: readonly string[],
  flags: MoveFlags,
  done: 'Moved' | 'Copied',
  act: (drive: Drive, from: string, to: string) => Promise<Entry>,
): Promise<ExitCode> {
  const verb = done === 'Moved' ? 'mv' : 'cp'
  const destination = paths.at(-1)
  if (destination === undefined || paths.length < 2) {
    throw new UsageError(`Name what, and where to: strongroom ${verb} /FROM... /TO.`)
  }
  const sources = paths.slice(0, -1).map(parseRemotePath)
  const to = parseRemotePath(destination)
  const { output, signal } = context
  const result = await withDrive(context, async (drive) => {
    const target = to === '/' ? { kind: 'folder' } : await statOrNull(drive, to, signal)
    if ((sources.length > 1 || namesFolder(destination)) && target?.kind !== 'folder') {
      const problem = target === null ? `There is no folder ${quoted(to)}` : `${quoted(to)} is not a folder`
      throw new CliError(
        target === null ? EXIT.notFound : EXIT.conflict,
        `${problem}; make it with "strongroom mkdir".`,
      )
    }
    return forEachTarget(output, sources, async (from) => {
      if (!flags.dryRun) {
        const entry = await act(drive, from, to)
        output.note(`${done} ${quoted(from)} to ${quoted(entry.path)}.`)
        return { from, to: entry.path }
      }
      const entry = await drive.stat(from, { signal })
      if (entry.kind === 'folder' && done === 'Copied' && !flags.recursive) {
        throw new UsageError('It is a folder; add -r to copy it with everything in it.')
      }
      const planned = target?.kind === 'folder' ? joinRemote(to, entry.name) : to
      if (!output.json) {
        output.line(`Would ${done === 'Moved' ? 'move' : 'copy'} ${terminalText(from)} to ${terminalText(planned)}`)
      }
      return { from, to: planned }
    })
  })
  if (output.json) output.document({ dryRun: flags.dryRun ?? false, items: result.done, failed: result.failures.list })
  return result.exitCode
}

export interface RemoveFlags {
  readonly recursive?: boolean
  readonly permanent?: boolean
  readonly dryRun?: boolean
}

/** `rm`: moves to the trash, or with `--permanent` destroys. */
export async function rm(context: CommandContext, pathTexts: readonly string[], flags: RemoveFlags): Promise<ExitCode> {
  const paths = pathTexts.map(parseRemotePath)
  if (paths.includes('/')) throw new UsageError('"/" itself cannot be removed; name what is in it.')
  const { output, signal } = context
  const recursive = flags.recursive ?? false
  const permanent = flags.permanent ?? false
  const result = await withDrive(context, async (drive) => {
    const removed = await forEachTarget(output, paths, async (path) => {
      if (flags.dryRun) await planRemoval(context, drive, path, flags)
      else if (permanent) await drive.purge(path, { signal, recursive })
      else await drive.trash(path, { signal, recursive })
      return { path }
    })
    if (!flags.dryRun) await tidyAfter(context, drive)
    return removed
  })
  if (output.json) {
    output.document({ dryRun: flags.dryRun ?? false, permanent, items: result.done, failed: result.failures.list })
  } else if (!flags.dryRun && result.done.length > 0) {
    const number = count(result.done.length, 'item')
    output.note(permanent ? `Removed ${number} for good.` : `Moved ${number} to the trash.`)
  }
  return result.exitCode
}

async function planRemoval(context: CommandContext, drive: Drive, path: string, flags: RemoveFlags): Promise<void> {
  const { output, signal } = context
  const entry = await drive.stat(path, { signal })
  if (entry.kind === 'folder' && !flags.recursive) {
    throw new UsageError('It is a folder; add -r to remove it with everything in it.')
  }
  if (output.json) return
  const inside = entry.kind === 'folder' ? await drive.list(path, { signal, recursive: true }) : []
  for (const { path: shown } of [entry, ...inside]) {
    output.line(`Would ${flags.permanent ? 'remove for good' : 'move to the trash'} ${terminalText(shown)}`)
  }
}
