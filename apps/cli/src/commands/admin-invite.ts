import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { count, formatBytes, parseSize, parseWhole } from '../quantity.ts'
import { forEachTarget } from '../targets.ts'
import { isoTime, shownTime } from '../times.ts'
import type { Admin } from './serve.ts'

const DEFAULT_DAYS = '14'

interface NewInvite {
  readonly invite: string
  readonly code: string
  readonly uses: number
  readonly expiresMs: number | null
  readonly quotaBytes: number | null
  readonly registration: 'open' | 'invite' | 'closed'
}

interface ListedInvite {
  readonly invite: string
  readonly uses: number
  readonly used: number
  readonly quotaBytes: number | null
  readonly createdMs: number
  readonly expiresMs: number | null
  readonly revokedMs: number | null
}

export interface InviteFlags {
  readonly uses?: string
  readonly expires?: string
  readonly quota?: string
}

/** `admin invite`: makes a code that lets accounts be made, and shows it once. */
export async function adminInvite(
  { output, signal }: CommandContext,
  admin: Admin,
  flags: InviteFlags,
): Promise<ExitCode> {
  const input = {
    uses: parseWhole(flags.uses ?? '1', '--uses', 1, 1_000_000),
    expiresDays: flags.expires === 'never' ? null : parseWhole(flags.expires ?? DEFAULT_DAYS, '--expires', 1, 3_650),
    quotaBytes: flags.quota === undefined ? null : parseSize(flags.quota, '--quota'),
  }
  const made = (await admin.call('invite-create', input, { signal })) as NewInvite // checked there
  if (output.json) {
    const { expiresMs, registration, ...rest } = made
    output.document({ ...rest, expires: timeOf(expiresMs), registration })
  } else output.line(made.code)
  const until = made.expiresMs === null ? 'for ever' : `until ${shownTime(made.expiresMs)} UTC`
  output.note(`Good for ${count(made.uses, 'account')}, ${until}. It is shown only now.`)
  if (made.registration !== 'invite') {
    const now = made.registration === 'closed' ? 'takes no new accounts' : 'takes anyone'
    output.warn(`strongroom: The server ${now}; set REGISTRATION=invite to take who has a code.`)
  }
  return EXIT.done
}

/** `admin invite list`: invitations, without their codes. */
export async function adminInviteList(
  { output, signal }: CommandContext,
  admin: Admin,
  flags: { all?: boolean },
): Promise<ExitCode> {
  const { invites, more } = await listInvites(admin, flags.all ?? false, signal)
  if (output.json) {
    output.document({ invites: invites.map(inviteJson), more })
    return EXIT.done
  }
  for (const invite of invites) output.line(inviteLine(invite))
  if (more) output.note('There are older ones, which are not shown.')
  return EXIT.done
}

/** `admin invite revoke`: takes invitations back; accounts that were made with them stay. */
export async function adminInviteRevoke(
  { output, signal }: CommandContext,
  admin: Admin,
  ids: readonly string[],
): Promise<ExitCode> {
  const { invites } = await listInvites(admin, true, signal)
  const result = await forEachTarget(output, ids, async (id) => {
    const invite = inviteOf(invites, id)
    await admin.call('invite-revoke', { invite }, { signal })
    return { invite }
  })
  if (output.json) output.document({ revoked: result.done.length, failed: result.failures.list })
  else if (result.done.length > 0) output.note(`Took back ${count(result.done.length, 'invitation')}.`)
  return result.exitCode
}

async function listInvites(
  admin: Admin,
  all: boolean,
  signal: AbortSignal,
): Promise<{ invites: readonly ListedInvite[]; more: boolean }> {
  const answer = await admin.call('invite-list', { all }, { signal })
  return answer as { invites: readonly ListedInvite[]; more: boolean } // checked there
}

function inviteOf(list: readonly ListedInvite[], id: string): string {
  const whole = id.toLowerCase()
  if (/^[0-9a-f]{32}$/.test(whole)) return whole
  const found = list.filter((entry) => entry.invite.startsWith(whole))
  const [entry] = found
  if (entry === undefined || id === '') {
    throw new CliError(EXIT.notFound, 'There is no such invitation; see them with "strongroom admin invite list".')
  }
  if (found.length > 1) throw new UsageError('Several invitations begin so; give more digits of the id.')
  return entry.invite
}

function inviteLine(entry: ListedInvite): string {
  const until = entry.expiresMs === null ? 'never expires' : `until ${shownTime(entry.expiresMs)}`
  const quota = entry.quotaBytes === null ? '' : `  ${formatBytes(entry.quotaBytes)}`
  const revoked = entry.revokedMs === null ? '' : '  revoked'
  return `${entry.invite}  ${shownTime(entry.createdMs)}  ${entry.used}/${entry.uses} used  ${until}${quota}${revoked}`
}

function inviteJson({ createdMs, expiresMs, revokedMs, ...rest }: ListedInvite): Record<string, unknown> {
  return { ...rest, created: timeOf(createdMs), expires: timeOf(expiresMs), revoked: timeOf(revokedMs) }
}

function timeOf(timeMs: number | null): string | null {
  return timeMs === null ? null : isoTime(timeMs)
}
