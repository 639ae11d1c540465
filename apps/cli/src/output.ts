import { terminalJson, terminalText } from './terminal-text.ts'

/**
 * Where a command writes. Data goes to stdout, everything said to a person to stderr, so that pipes stay clean.
 * Texts are printed as given: whoever puts a name into one passes it through `terminalText`.
 */
export interface Output {
  readonly json: boolean
  readonly quiet: boolean
  /** Whether errors are followed by what caused them. */
  readonly verbose: boolean
  /** Whether a progress bar may be drawn. */
  readonly interactive: boolean
  /** A line of data, on stdout. */
  line(text: string): void
  /** The command's answer with `--json`, one document on stdout. */
  document(value: unknown): void
  /** A remark, on stderr; silent with `--quiet` or `--json`. */
  note(text: string): void
  /** A problem that does not end the command, on stderr. */
  warn(text: string): void
}

/** Output on the process's own streams. */
export function processOutput(options: { json: boolean; quiet: boolean; verbose: boolean }): Output {
  const { json, quiet, verbose } = options
  const toStderr = (text: string): void => {
    process.stderr.write(`${text}\n`)
  }
  return {
    json,
    quiet,
    verbose,
    interactive: Boolean(process.stderr.isTTY) && !quiet && !json,
    line: (text) => {
      process.stdout.write(`${text}\n`)
    },
    document: (value) => {
      process.stdout.write(`${terminalJson(value, 2)}\n`)
    },
    note: (text) => {
      if (!quiet && !json) toStderr(text)
    },
    warn: toStderr,
  }
}

/** A name in a message: without terminal escapes, in quotes. */
export function quoted(name: string): string {
  return `"${terminalText(name)}"`
}
