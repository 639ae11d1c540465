import type { Entry, FindOptions } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { parseSize } from '../quantity.ts'
import { parseRemotePath } from '../remote-path.ts'
import { writeStdout } from '../stdout.ts'
import { terminalText } from '../terminal-text.ts'
import { parseMoment } from '../times.ts'
import { entryJson } from './browse.ts'

export interface FindFlags {
  readonly type?: string
  readonly size?: string
  readonly newer?: string
}

const KINDS: Readonly<Record<string, Entry['kind']>> = {
  file: 'file',
  f: 'file',
  folder: 'folder',
  d: 'folder',
  symlink: 'symlink',
  l: 'symlink',
}

/** `find`: names in the index on this device; the network is not asked. */
export async function find(
  context: CommandContext,
  pattern: string,
  pathText: string,
  flags: FindFlags,
): Promise<ExitCode> {
  const path = parseRemotePath(pathText)
  const { output, signal } = context
  const options: FindOptions = {
    path,
    signal,
    kind: parseKind(flags.type),
    ...parseSizes(flags.size),
    newerThanMs: flags.newer === undefined ? undefined : parseMoment(flags.newer, '--newer', Date.now()),
  }
  const entries = await withDrive(context, (drive) => aboutPath(path, () => drive.find(pattern, options)))
  if (output.json) output.document(entries.map(entryJson))
  else if (entries.length > 0) {
    const lines = entries.map((entry) => terminalText(entry.path) + (entry.kind === 'folder' ? '/' : ''))
    await writeStdout(new TextEncoder().encode(`${lines.join('\n')}\n`))
  }
  return EXIT.done
}

function parseKind(text: string | undefined): Entry['kind'] | undefined {
  if (text === undefined) return undefined
  const kind = Object.hasOwn(KINDS, text) ? KINDS[text] : undefined
  if (kind === undefined) throw new UsageError('--type takes file, folder or symlink.')
  return kind
}

function parseSizes(text: string | undefined): Pick<FindOptions, 'minSize' | 'maxSize'> {
  if (text === undefined) return {}
  const size = parseSize(text.replace(/^[+-]/, ''), '--size')
  if (text.startsWith('+')) return { minSize: size }
  if (text.startsWith('-')) return { maxSize: size }
  return { minSize: size, maxSize: size }
}
