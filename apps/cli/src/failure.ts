import { EXIT, type ExitCode } from './exit-codes.ts'

/** A failure that the command line itself found; its message is one line that says what to do next. */
export class CliError extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CliError'
    this.exitCode = exitCode
  }
}

/** The command was called in a way that it does not understand: exit code 2. */
export class UsageError extends CliError {
  constructor(message: string, options?: ErrorOptions) {
    super(EXIT.usage, message, options)
    this.name = 'UsageError'
  }
}
