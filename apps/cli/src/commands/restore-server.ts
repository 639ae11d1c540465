import type { RestorePlan } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { askYes, canAsk } from '../prompts.ts'
import { count } from '../quantity.ts'

/** `restore-server`: gives a server that was set back to an older backup what this device has seen since. */
export async function restoreServer(context: CommandContext, flags: { yes?: boolean }): Promise<ExitCode> {
  const { signal, output } = context
  return await withSession(context, async (session) => {
    const { restored, lost } = await session.restoreServer({
      confirm: (plan) => confirm(context, plan, flags.yes === true),
      signal,
    })
    // Everything is verified as always, up to what this device has seen.
    await session.drive.sync({ signal })
    if (output.json) output.document({ restored, lost })
    else if (restored > 0)
      output.note(`Gave ${count(restored, 'change')} back; the server has all that this device has seen.`)
    else output.note('The server lacks no change that this device has seen.')
    if (lost === 0) return EXIT.done
    const contents = lost === 1 ? '1 content' : `${lost} contents`
    throw new CliError(
      EXIT.partlyDone,
      `${contents} cannot be read: the server has lost the data, or this device never saw its key; run "strongroom restore-server" on your other devices, then upload again what is still missing.`,
    )
  })
}

async function confirm({ signal, output }: CommandContext, plan: RestorePlan, yes: boolean): Promise<boolean> {
  if ((plan.commits === 0 && !plan.auditSetBack) || yes) return true
  if (!canAsk()) throw new UsageError('Say --yes to give the changes back without being asked.')
  if (plan.auditSetBack) {
    output.note(
      'The audit log of the server is not the one that this device has seen: what was written into it since the backup is lost. If no backup was restored, someone has changed it.',
    )
  }
  if (plan.commits === 0) return await askYes('Take the audit log as the server has it now?', signal)
  output.note(
    `The server is at commit ${plan.serverSeq}, this device has seen commit ${plan.ownSeq}. Go on only if its operator has restored a backup: the ${count(plan.commits, 'change')} since then are sent as they were, and no file is lost or overwritten.`,
  )
  return await askYes('Give the changes back?', signal)
}
