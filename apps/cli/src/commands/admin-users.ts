import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { formatBytes, parseWhole } from '../quantity.ts'
import { isoTime, shownTime } from '../times.ts'
import type { Admin } from './serve.ts'

/** An account as the server's operation `users` lists it. */
interface ListedAccount {
  readonly account: string
  readonly createdMs: number
  readonly disabledMs: number | null
  readonly usedBytes: number
  readonly quotaBytes: number
  readonly defaultQuota: boolean
  readonly lastUsedMs: number | null
  readonly sessions: number
  readonly secondFactor: boolean
}

interface Page {
  readonly accounts: readonly ListedAccount[]
  readonly next: string | null
}

const DEFAULT_LIMIT = 100
const PAGE = 1000

export interface UsersFlags {
  readonly limit?: string
  readonly after?: string
  readonly all?: boolean
}

/** `admin users`: accounts, the oldest first; or one of them. */
export async function adminUsers(
  context: CommandContext,
  admin: Admin,
  account: string | undefined,
  flags: UsersFlags,
): Promise<ExitCode> {
  checkFlags(account, flags)
  const { output } = context
  let next: string | null = null
  let separator = '  '
  // Page by page also as JSON: the list may be longer than what can be held.
  if (output.json) output.line('{"accounts": [')
  for await (const page of pages(context, admin, account, flags)) {
    for (const entry of page.accounts) {
      output.line(output.json ? separator + JSON.stringify(accountJson(entry)) : accountLine(entry))
      separator = '  ,'
    }
    next = page.next
  }
  if (output.json) output.line(`], "next": ${JSON.stringify(next)}}`)
  else if (next !== null) output.note(`There are more: --after ${next}, or --all.`)
  return EXIT.done
}

async function* pages(
  { signal }: CommandContext,
  admin: Admin,
  account: string | undefined,
  flags: UsersFlags,
): AsyncGenerator<Page> {
  const ask = async (input: unknown) => (await admin.call('users', input, { signal })) as Page // checked by the operation
  if (account !== undefined) {
    yield await ask({ account })
    return
  }
  const limit = flags.all ? PAGE : parseWhole(flags.limit ?? String(DEFAULT_LIMIT), '--limit', 1, PAGE)
  let after = flags.after
  do {
    const page = await ask({ limit, ...(after === undefined ? {} : { after }) })
    yield page
    after = page.next ?? undefined
  } while (flags.all && after !== undefined)
}

function checkFlags(account: string | undefined, flags: UsersFlags): void {
  if (account !== undefined && (flags.limit ?? flags.after ?? flags.all) !== undefined) {
    throw new UsageError('--limit, --after and --all are for the whole list, not for one account.')
  }
  if (flags.all && flags.limit !== undefined) throw new UsageError('--all and --limit exclude each other.')
}

function accountLine(entry: ListedAccount): string {
  const state = entry.disabledMs === null ? '' : `  disabled ${day(entry.disabledMs)}`
  const used = `${formatBytes(entry.usedBytes)} of ${formatBytes(entry.quotaBytes)}${entry.defaultQuota ? '' : '*'}`
  const last = entry.lastUsedMs === null ? 'no session' : `used ${day(entry.lastUsedMs)}`
  const factor = entry.secondFactor ? '2FA' : '-  '
  return `${entry.account}  ${day(entry.createdMs)}  ${last.padEnd(15)}  ${String(entry.sessions).padStart(3)}  ${factor}  ${used}${state}`
}

/** The day of a time, in UTC. */
function day(timeMs: number): string {
  return shownTime(timeMs).slice(0, 10)
}

function accountJson({ createdMs, disabledMs, lastUsedMs, ...rest }: ListedAccount): Record<string, unknown> {
  return {
    ...rest,
    created: isoTime(createdMs),
    disabled: disabledMs === null ? null : isoTime(disabledMs),
    lastUsed: lastUsedMs === null ? null : isoTime(lastUsedMs),
  }
}
