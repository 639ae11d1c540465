import { type StateComparison, type StateReport, Strongroom } from '@strongroom/client'
import { type CommandContext, openPlatform, requireSignedIn, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError } from '../failure.ts'

/**
 * `state`: the code of what this device has verified last. It is printed also when the server cannot be reached or
 * shows something else, which is when it is needed most.
 */
export async function state(context: CommandContext, flags: { compare?: string }): Promise<ExitCode> {
  const { signal } = context
  return flags.compare === undefined ? await ownState(context) : await compare(context, flags.compare, signal)
}

async function ownState(context: CommandContext): Promise<ExitCode> {
  const { signal } = context
  const platform = openPlatform(context)
  await requireSignedIn(context, platform)
  const failure = await withSession(context, (session) => session.drive.sync({ signal })).then(
    () => null,
    (error: unknown) => ({ error }),
  )
  if (signal.aborted && failure !== null) throw failure.error
  const report = await Strongroom.state(platform)
  if (report !== null) print(context, report)
  if (failure !== null) throw failure.error
  return EXIT.done
}

function print({ output }: CommandContext, report: StateReport): void {
  if (output.json) output.document(report)
  else output.line(report.code)
}

async function compare(context: CommandContext, code: string, signal: AbortSignal): Promise<ExitCode> {
  return await withSession(context, async (session) => {
    const failure = await session.drive.sync({ signal }).then(
      () => null,
      (error: unknown) => ({ error }),
    )
    if (signal.aborted && failure !== null) throw failure.error
    const comparison = await session.compareState(code, { signal })
    if (context.output.json) context.output.document(comparison)
    judge(context, comparison)
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
