import type { Entry, FileSink } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { parseWhole } from '../quantity.ts'
import { parseRemotePath } from '../remote-path.ts'
import { writeStdout } from '../stdout.ts'
import { forEachTarget } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'
import { readTransferOptions, type TransferFlags } from '../transfer-options.ts'

/** `ls`: what a folder holds. */
export async function ls(
  context: CommandContext,
  pathText: string,
  options: { recursive?: boolean; long?: boolean },
): Promise<ExitCode> {
  const path = parseRemotePath(pathText)
  const { signal, output } = context
  const entries = await withDrive(context, (drive) =>
    aboutPath(path, () => drive.list(path, { signal, recursive: options.recursive ?? false })),
  )
  if (output.json) {
    output.document(entries.map(entryJson))
    return EXIT.done
  }
  const width = Math.max(1, ...entries.map((entry) => String(entry.size).length))
  const prefix = path === '/' ? 1 : path.length + 1
  const lines = entries.map((entry) => {
    const name = options.recursive && entry.path.length > prefix ? entry.path.slice(prefix) : entry.name
    return options.long ? longLine(entry, name, width) : shownName(entry, name)
  })
  if (lines.length > 0) await writeStdout(new TextEncoder().encode(`${lines.join('\n')}\n`))
  return EXIT.done
}

/** An entry as `--json` shows it; `mtime` repeats `mtimeMs` for people. */
export function entryJson(entry: Entry): Record<string, unknown> {
  return {
    path: entry.path,
    name: entry.name,
    kind: entry.kind,
    size: entry.size,
    mtimeMs: entry.mtimeMs,
    mtime: isoTime(entry.mtimeMs),
    mode: entry.mode ?? null,
    target: entry.target ?? null,
    nodeId: entry.nodeId,
    versionId: entry.versionId ?? null,
  }
}

function longLine(entry: Entry, name: string, width: number): string {
  const time = shownTime(entry.mtimeMs)
  const type = entry.kind === 'folder' ? 'd' : entry.kind === 'symlink' ? 'l' : '-'
  const shown = shownName(entry, name) + (entry.kind === 'symlink' ? ` -> ${terminalText(entry.target ?? '')}` : '')
  return `${type}${permissions(entry.mode)}  ${String(entry.size).padStart(width)}  ${time}  ${shown}`
}

/** Nine letters; blank where a vault keeps no permissions: of folders, links and streams. */
function permissions(mode: number | undefined): string {
  if (mode === undefined) return ' '.repeat(9)
  return [6, 3, 0]
    .map((shift) => (mode >> shift) & 7)
    .map((bits) => `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`)
    .join('')
}

function shownName(entry: Entry, name: string): string {
  return terminalText(name) + (entry.kind === 'folder' ? '/' : '')
}

/** `mkdir`: makes folders. */
export async function mkdir(
  context: CommandContext,
  pathTexts: readonly string[],
  options: { parents?: boolean; dryRun?: boolean },
): Promise<ExitCode> {
  const paths = pathTexts.map(parseRemotePath)
  const { signal, output } = context
  const parents = options.parents ?? false
  const result = await withDrive(context, (drive) =>
    forEachTarget(output, paths, async (path) => {
      if (options.dryRun) {
        if (!output.json) output.line(`Would make ${terminalText(path)}`)
      } else await drive.mkdir(path, { signal, parents })
      return { path }
    }),
  )
  if (output.json) output.document({ done: result.done, failed: result.failures.list })
  return result.exitCode
}

const STDOUT: FileSink = {
  open: async () => ({ write: writeStdout, commit: async () => {}, abort: async () => {} }),
}

/** `cat`: a file's bytes, or a range of them, to stdout. */
export async function cat(
  context: CommandContext,
  pathTexts: readonly string[],
  options: TransferFlags & { offset?: string; length?: string },
): Promise<ExitCode> {
  const paths = pathTexts.map(parseRemotePath)
  const transfer = readTransferOptions(context, options)
  const isWhole = options.offset === undefined && options.length === undefined
  const offset = options.offset === undefined ? 0 : parseWhole(options.offset, '--offset', 0)
  const range =
    options.length === undefined ? { offset } : { offset, length: parseWhole(options.length, '--length', 0) }
  const result = await withDrive(context, (drive) =>
    forEachTarget(context.output, paths, async (path) => {
      // Reason: the buffers of a whole file are used again, those of a range are the caller's.
      if (isWhole) await drive.get(path, STDOUT, transfer)
      else for await (const bytes of drive.getRange(path, range, transfer)) await writeStdout(bytes)
      return { path }
    }),
  )
  return result.exitCode
}
