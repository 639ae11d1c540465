import { causeChain, describeFailure } from './errors.ts'
import { combinedExitCode, EXIT, type ExitCode } from './exit-codes.ts'
import { type Output, quoted } from './output.ts'

/** A thing that failed, as `--json` shows it. */
export interface TargetFailure {
  readonly path: string
  readonly exitCode: ExitCode
  readonly message: string
}

/** Failures of a command that works on several things and goes on after one failed. */
export interface FailureList {
  /** Notes that `path` failed, and says so on stderr. What the rest cannot escape either is thrown on instead. */
  add(path: string, error: unknown): void
  readonly list: readonly TargetFailure[]
  exitCode(doneCount: number): ExitCode
}

/** An interruption, a lost session or server, and tampering end the whole command. */
const HOPELESS: readonly ExitCode[] = [EXIT.interrupted, EXIT.authentication, EXIT.network, EXIT.integrity]

/** An empty list of failures that speaks through `output`. */
export function failureList(output: Output): FailureList {
  const list: TargetFailure[] = []
  return {
    list,
    add(path, error) {
      const failure = describeFailure(error)
      if (HOPELESS.includes(failure.exitCode)) throw error
      list.push({ path, ...failure })
      const named = failure.message.startsWith(quoted(path))
      output.warn(`strongroom: ${named ? '' : `${quoted(path)}: `}${failure.message}`)
      if (output.verbose) for (const line of causeChain(error)) output.warn(line)
    },
    exitCode: (doneCount) =>
      combinedExitCode(
        doneCount,
        list.map((failure) => failure.exitCode),
      ),
  }
}

/**
 * Does one thing after the other and goes on after a failure.
 *
 * @returns what was done, and the failures of the rest
 */
export async function forEachTarget<T>(
  output: Output,
  targets: readonly string[],
  task: (target: string) => Promise<T>,
): Promise<{ done: T[]; failures: FailureList; exitCode: ExitCode }> {
  const failures = failureList(output)
  const done: T[] = []
  for (const target of targets) {
    try {
      done.push(await task(target))
    } catch (error) {
      failures.add(target, error)
    }
  }
  return { done, failures, exitCode: failures.exitCode(done.length) }
}
