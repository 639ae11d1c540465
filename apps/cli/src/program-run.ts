import type { CommandContext } from './context.ts'
import type { ExitCode } from './exit-codes.ts'

/** Turns a verb into what commander calls: the context goes in first, the exit code is reported. */
export type Run = <A extends unknown[]>(
  action: (context: CommandContext, ...args: A) => Promise<ExitCode>,
) => (...args: [...A, ...unknown[]]) => Promise<void>
