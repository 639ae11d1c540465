import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { formatBytes, parseSize } from '../quantity.ts'
import type { Admin } from './serve.ts'

interface QuotaAnswer {
  readonly account: string
  readonly usedBytes: number
  readonly quotaBytes: number
  readonly defaultQuota: boolean
}

/** `admin quota`: shows what an account may store, or sets it. */
export async function adminQuota(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string,
  bytes: string | undefined,
): Promise<ExitCode> {
  const quotaBytes = bytes === undefined ? {} : { quotaBytes: parseQuota(bytes) }
  const answer = (await admin.call('quota', { account, ...quotaBytes }, { signal })) as QuotaAnswer // checked there
  if (output.json) output.document(answer)
  else {
    const whose = answer.defaultQuota ? ' (the default of the server)' : ''
    output.line(`${formatBytes(answer.usedBytes)} of ${formatBytes(answer.quotaBytes)}${whose}`)
    if (answer.usedBytes > answer.quotaBytes) {
      output.note('It holds more than that: nothing is removed, and nothing more is taken.')
    }
  }
  return EXIT.done
}

/** A number of bytes, or null for `default`. */
export function parseQuota(text: string): number | null {
  return text === 'default' ? null : parseSize(text, 'The quota')
}

interface Switched {
  readonly account: string
  readonly changed: boolean
}

/** `admin disable`: nobody may use the account, and nothing of it is deleted. */
export async function adminDisable(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string,
): Promise<ExitCode> {
  const answer = (await admin.call('disable', { account }, { signal })) as Switched // checked there
  if (output.json) output.document(answer)
  output.note(
    answer.changed
      ? 'Nobody can use the account any more; nothing of it is deleted, and "enable" makes it work again.'
      : 'The account was disabled already.',
  )
  return EXIT.done
}

/** `admin enable`: takes `disable` back. */
export async function adminEnable(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string,
): Promise<ExitCode> {
  const answer = (await admin.call('enable', { account }, { signal })) as Switched // checked there
  if (output.json) output.document(answer)
  output.note(answer.changed ? 'The account works again.' : 'The account was not disabled.')
  return EXIT.done
}
