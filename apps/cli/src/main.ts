import type { Worker } from 'node:worker_threads'
import { startOpaqueAhead } from '@strongroom/client/node/opaque-ahead'
import { CommanderError } from 'commander'
import type { ServerLoader } from './commands/serve.ts'
import { causeChain, describeFailure, seenAndShown } from './errors.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { processOutput } from './output.ts'
import { createProgram } from './program.ts'
import { systemErrorText } from './system-errors.ts'

export interface RunInput {
  /** Arguments after the program's name. */
  readonly args: readonly string[]
  readonly version: string
  readonly findServer: ServerLoader
  readonly serverInstalled: boolean
  /** The thread of OPAQUE, for verbs that prove or set a password first of all. */
  readonly opaque?: Worker | undefined
}

/** How long a command may tidy up after Ctrl-C before the process ends regardless. */
const TIDY_MS = 5000

/** Runs one command in this process and ends the process with its exit code. */
export async function runCli(input: RunInput): Promise<void> {
  if (input.opaque !== undefined) startOpaqueAhead(input.opaque)
  const interrupt = new AbortController()
  const isServer = input.args.find((arg) => !arg.startsWith('-')) === 'serve'
  // Reason: the server drains by itself on the same signals.
  if (!isServer) listenForSignals(interrupt)
  process.stdout.on('error', endQuietlyOnClosedPipe)
  process.stderr.on('error', endQuietlyOnClosedPipe)
  const code = await runProgram(input, interrupt.signal)
  const unwritten = await flush(process.stdout)
  if (unwritten !== null && code === EXIT.done) tellUnwritten(unwritten)
  await flush(process.stderr)
  process.exit(unwritten !== null && code === EXIT.done ? EXIT.failed : code)
}

// Invariant (docs/cli.md, exit codes): 0 means that all data is out. What the command did stays done.
function tellUnwritten(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return
  process.stderr.write(
    `strongroom: The command did its work, but what it prints could not be written (${systemErrorText(error)}).\n`,
  )
}

async function runProgram(input: RunInput, signal: AbortSignal): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done
  const program = createProgram({
    version: input.version,
    findServer: input.findServer,
    serverInstalled: input.serverInstalled,
    context: (flags) => ({
      output: processOutput({
        json: flags.json ?? false,
        quiet: flags.quiet ?? false,
        verbose: flags.verbose ?? false,
      }),
      environment: process.env,
      signal,
    }),
    onExitCode: (code) => {
      exitCode = code
    },
  })
  try {
    if (input.args.length === 0) {
      program.outputHelp({ error: false })
      return EXIT.usage
    }
    // Reason: verbs have a --version of their own, which the program's would swallow.
    const verbAt = input.args.findIndex((arg) => !arg.startsWith('-'))
    const isAlone = (index: number): boolean => verbAt === -1 || index < verbAt
    const args = input.args.map((arg, index) => (arg === '--version' && isAlone(index) ? '-V' : arg))
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    // Help and version were printed.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
    // A verb that only has verbs of its own: its help was printed.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage
    const failure = signal.aborted ? { exitCode: EXIT.interrupted, message: 'Interrupted.' } : describeFailure(error)
    process.stderr.write(`strongroom: ${failure.message}\n`)
    if (program.opts().verbose) {
      for (const line of [...seenAndShown(error), ...causeChain(error)]) process.stderr.write(`${line}\n`)
    }
    return failure.exitCode
  }
}

function listenForSignals(interrupt: AbortController): void {
  let count = 0
  const onSignal = (): void => {
    count += 1
    if (count > 1) process.exit(EXIT.interrupted)
    interrupt.abort()
    setTimeout(() => process.exit(EXIT.interrupted), TIDY_MS).unref()
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
}

// Reason: `strongroom ls / | head` closes the pipe early; that is no error worth a line.
function endQuietlyOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT.failed)
}

/** Waits until all is written; the first error of the stream, or null. */
function flush(stream: NodeJS.WriteStream): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const end = (): void => resolve(stream.errored)
    if (stream.writableLength === 0 || stream.destroyed) end()
    else stream.write('', end)
  })
}
