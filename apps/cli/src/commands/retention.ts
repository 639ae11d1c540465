import { ClientError, type Drive, type RetentionPolicy } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { parseWhole } from '../quantity.ts'

export interface RetentionFlags {
  readonly trash?: string
  readonly versions?: string
}

/** `retention`: shows, or sets, how long the account keeps what was removed or replaced. */
export async function retention(context: CommandContext, flags: RetentionFlags): Promise<ExitCode> {
  const { signal, output } = context
  const trashDays = parseDays(flags.trash, '--trash')
  const versionDays = parseDays(flags.versions, '--versions')
  const change: Partial<RetentionPolicy> = {
    ...(trashDays === undefined ? {} : { trashDays }),
    ...(versionDays === undefined ? {} : { versionDays }),
  }
  const policy = await withDrive(context, (drive) => drive.setRetention(change, { signal }))
  if (output.json) output.document(policy)
  else {
    output.line(`trash     ${daysText(policy.trashDays)}`)
    output.line(`versions  ${daysText(policy.versionDays)}`)
  }
  return EXIT.done
}

function parseDays(text: string | undefined, option: string): number | null | undefined {
  if (text === undefined) return undefined
  return text === 'never' ? null : parseWhole(text, option, 1, 36_500)
}

function daysText(days: number | null): string {
  if (days === null) return 'kept for ever'
  return days === 1 ? 'kept for 1 day' : `kept for ${days} days`
}

/**
 * After a verb that changed something: lets retention do what is due, and says what it destroyed. What the server or
 * the network prevents is left for the next time.
 */
export async function tidyAfter(context: CommandContext, drive: Drive): Promise<void> {
  if (context.signal.aborted) return
  const done = await drive.tidy({ signal: context.signal }).catch((error: unknown) => {
    if (error instanceof ClientError && error.code !== 'integrity') return { trashed: 0, versions: 0 }
    throw error
  })
  if (done.trashed > 0) context.output.note(`Kept long enough in the trash, destroyed: ${done.trashed}.`)
  if (done.versions > 0) context.output.note(`Old versions kept long enough, destroyed: ${done.versions}.`)
}
