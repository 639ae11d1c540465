import type { KeyStatus } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { count, formatBytes, parseWhole } from '../quantity.ts'
import { isoTime, parseMoment } from '../times.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface KeysStatusFlags {
  readonly olderThan?: string
}

/** `keys status`: the account's keys and their ages, and what is due. */
export async function keysStatus(context: CommandContext, flags: KeysStatusFlags): Promise<ExitCode> {
  const { signal, output } = context
  const olderThanMs = parseAge(flags.olderThan)
  const status = await withSession(context, (session) => session.keys.status({ olderThanMs, signal }))
  if (output.json) output.document(asDocument(status))
  else for (const line of statusLines(status, flags.olderThan)) output.line(line)
  return EXIT.done
}

/** An age such as `90d`, in milliseconds; also a date. @throws UsageError */
export function parseAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const nowMs = Date.now()
  const sinceMs = parseMoment(text, '--older-than', nowMs)
  if (sinceMs > nowMs) throw new UsageError('--older-than takes an age, or a date that has passed.')
  return nowMs - sinceMs
}

function asDocument(status: KeyStatus): object {
  const { accountKeyMs, cardMs, epochMs, server, ...rest } = status
  const { outerKeyMs, kmsKeyMs, ...claim } = server
  return {
    ...rest,
    accountKeyMade: time(accountKeyMs),
    cardMade: time(cardMs),
    epochBegan: time(epochMs),
    server: { ...claim, outerKeyMade: time(outerKeyMs), kmsKeySince: time(kmsKeyMs) },
  }
}

function time(timeMs: number | null): string | null {
  return timeMs === null ? null : isoTime(timeMs)
}

function statusLines(status: KeyStatus, olderThan: string | undefined): string[] {
  const { total, due, policyDays } = status
  const policy =
    olderThan === undefined
      ? policyDays === null
        ? 'keys of contents are never due'
        : `due after ${count(policyDays, 'day')}`
      : `asked for: ${olderThan}`
  const lines = [
    `account key    ${madeText(status.accountKeyMs)}`,
    `identity card  ${madeText(status.cardMs)}, ${status.cardHash.slice(0, 16)}`,
    `vault key      epoch ${status.epoch}, ${madeText(status.epochMs)}`,
    `contents       ${count(total.contents, 'content')} (${formatBytes(total.bytes)}), each with a key of its own`,
  ]
  let from = 0
  for (const { underDays, contents, bytes } of status.ages) {
    const age = underDays === null ? `${from} days or older` : `under ${underDays} days`
    if (contents > 0) lines.push(`  ${age.padEnd(20)} ${contents} (${formatBytes(bytes)})`)
    from = underDays ?? from
  }
  lines.push(`due            ${count(due.contents, 'content')} (${formatBytes(due.bytes)}); ${policy}`)
  return [...lines, ...serverLines(status.server)]
}

/** What the server says of itself; nothing here can check it. */
function serverLines(claim: KeyStatus['server']): string[] {
  const whose = claim.scope === 'per-user' ? 'a key of this account alone' : 'the key that all accounts share'
  const lines = [
    "the server's keys, by its word:",
    `  outer key     ${claim.outerKeyVersion}, ${madeText(claim.outerKeyMs)}`,
    `  key service   ${whose}, in use since ${sinceText(claim.kmsKeyMs)}`,
  ]
  if (claim.olderWraps > 0) {
    lines.push(`  older wraps   ${claim.olderWraps}, under older vault keys: they go once confirmed, after the grace`)
  }
  if (claim.rotating) lines.push('  a rotation is under way')
  lines.push(`  due           ${claim.due ? 'yes: for whoever runs the server, "admin kms" rotates them' : 'nothing'}`)
  return lines
}

function sinceText(timeMs: number | null): string {
  return timeMs === null ? 'an unknown time' : madeText(timeMs).replace('made ', '')
}

function madeText(timeMs: number | null): string {
  if (timeMs === null) return 'made at an unknown time'
  const days = Math.floor(Math.max(0, Date.now() - timeMs) / DAY_MS)
  const age = days === 0 ? 'today' : `${count(days, 'day')} ago`
  return `made ${isoTime(timeMs)?.slice(0, 10) ?? '-'} (${age})`
}

/** `keys policy`: shows, or sets, after which time contents are given new keys. */
export async function keysPolicy(context: CommandContext, flags: { contents?: string }): Promise<ExitCode> {
  const { signal, output } = context
  const contentDays = parseDays(flags.contents)
  const policy = await withSession(context, (session) =>
    session.keys.setPolicy(contentDays === undefined ? {} : { contentDays }, { signal }),
  )
  if (output.json) output.document(policy)
  else if (policy.contentDays === null) output.line('contents  keep their keys')
  else output.line(`contents  new keys after ${count(policy.contentDays, 'day')}`)
  return EXIT.done
}

function parseDays(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined
  return text === 'never' ? null : parseWhole(text, '--contents', 1, 36_500)
}
