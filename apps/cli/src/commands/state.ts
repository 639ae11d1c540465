import type { StateComparison } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'

/**
 * `state`: the code of what this device has verified last. It is printed also when the server cannot be reached or
 * shows something else, which is when it is needed most.
 */
export async function state(context: CommandContext, flags: { compare?: string }): Promise<ExitCode> {
  const { signal, output } = context
  return await withSession(context, async (session) => {
    const failure = await session.drive.sync({ signal }).then(
      () => null,
      (error: unknown) => ({ error }),
    )
    if (signal.aborted && failure !== null) throw failure.error
    if (flags.compare === undefined) {
      const report = await session.state()
      if (output.json) output.document(report)
      else output.line(report.code)
    } else {
      const comparison = await session.compareState(flags.compare, { signal })
      if (output.json) output.document(comparison)
      judge(context, comparison)
    }
    if (failure !== null) throw failure.error
    return EXIT.done
  })
}

function judge({ output }: CommandContext, { outcome, seq, ownSeq }: StateComparison): void {
  if (outcome === 'same') {
    const newer = ownSeq > seq ? ` This device has seen ${ownSeq - seq} more.` : ''
    output.note(`Both devices have the same history up to commit ${seq}.${newer}`)
    return
  }
  if (outcome === 'ahead') {
    throw new CliError(
      EXIT.integrity,
      `The other device has seen commit ${seq}, but the server shows this one nothing after commit ${ownSeq}: it hides changes or was set back; check the number, and ask the operator.`,
    )
  }
  throw new CliError(
    EXIT.integrity,
    `The two devices have different histories at commit ${seq}: if the code was typed right, the server shows them different things; change nothing there, and ask the operator.`,
  )
}
