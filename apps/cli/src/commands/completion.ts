import { Strongroom } from '@strongroom/client'
import type { Command } from 'commander'
import { completionScript, type Shell, type VerbWords } from '../completion-script.ts'
import { type CommandContext, openPlatform } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { writeStdout } from '../stdout.ts'

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish']

/** `completion`: a script for the shell, to be sourced. */
export async function completion(program: Command, shellText: string): Promise<ExitCode> {
  const shell = SHELLS.find((known) => known === shellText)
  if (shell === undefined) throw new UsageError('Completion is there for bash, zsh and fish.')
  await writeStdout(new TextEncoder().encode(completionScript(shell, verbWords(program))))
  return EXIT.done
}

/** Verbs at every level, what may follow them, and their options, from the program itself. */
export function verbWords(program: Command): VerbWords[] {
  return below(program, { names: [], options: optionsOf(program) })
}

function below(command: Command, above: { names: readonly string[]; options: readonly string[] }): VerbWords[] {
  return visible(command).flatMap((verb) => {
    const names = [...above.names, verb.name()]
    const options = [...new Set([...optionsOf(verb), ...above.options])]
    const words = {
      name: names.join(' '),
      description: verb.description(),
      subverbs: visible(verb).map((each) => each.name()),
      options,
    }
    return [words, ...below(verb, { names, options })]
  })
}

function visible(command: Command): Command[] {
  // commander keeps what help hides under `_hidden`; help itself is asked instead.
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help')
}

function optionsOf(command: Command): string[] {
  return command.options
    .filter((option) => !option.hidden)
    .flatMap((option) => [option.short, option.long].filter((flag) => flag !== undefined))
}

/** How long a press of Tab may wait for the server. */
const PATIENCE_MS = 1500
/** Most paths that are offered at once. */
const MOST_OFFERED = 500

/**
 * `completion paths`, which the scripts call: remote paths that begin so, from the index on this device. It asks
 * the server for nothing but its half of the key, not for long, and says nothing when it can't help.
 */
export async function completionPaths(context: CommandContext, prefix: string): Promise<ExitCode> {
  const lines = await offeredPaths(context, prefix).catch(() => [])
  if (lines.length > 0) await writeStdout(new TextEncoder().encode(`${lines.join('\n')}\n`))
  return EXIT.done
}

async function offeredPaths(context: CommandContext, prefix: string): Promise<string[]> {
  if (!prefix.startsWith('/')) return []
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)])
  const session = await Strongroom.resume(openPlatform(context), { signal })
  if (session === null) return []
  try {
    const folder = prefix.slice(0, prefix.lastIndexOf('/')) || '/'
    return (
      session.drive
        .listLocal(folder)
        .map(({ path, kind }) => (kind === 'folder' ? `${path}/` : path))
        // Reason: a shell reads lines, and a terminal obeys control characters.
        .filter((path) => path.startsWith(prefix) && !/\p{Cc}/u.test(path))
        .slice(0, MOST_OFFERED)
    )
  } finally {
    await session.close()
  }
}
