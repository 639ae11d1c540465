import type { SessionEntry } from '@strongroom/client'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { CliError, UsageError } from '../failure.ts'
import { count } from '../quantity.ts'
import { forEachTarget } from '../targets.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'

/** `sessions`: where the account is signed in. */
export async function sessions(context: CommandContext): Promise<ExitCode> {
  const { signal, output } = context
  const list = await withSession(context, (session) => session.sessions({ signal }))
  if (output.json) output.document(list.map(sessionJson))
  else {
    for (const entry of list) {
      const here = entry.current ? '  (this one)' : ''
      output.line(`${entry.sessionId}  ${shownTime(entry.usedMs)}  ${deviceText(entry)}${here}`)
    }
  }
  return EXIT.done
}

function deviceText({ deviceId, deviceName }: SessionEntry): string {
  if (deviceName !== null) return terminalText(deviceName)
  return deviceId === null ? 'unknown device' : `device ${deviceId.slice(0, 8)}`
}

function sessionJson(entry: SessionEntry): Record<string, unknown> {
  const { createdMs, usedMs, expiresMs, ...rest } = entry
  return { ...rest, created: isoTime(createdMs), lastUsed: isoTime(usedMs), expires: isoTime(expiresMs) }
}

/** `sessions revoke`: ends sessions by id (its first digits suffice), all but this one, or this one too. */
export async function revoke(
  context: CommandContext,
  ids: readonly string[],
  flags: { all?: boolean; everything?: boolean },
): Promise<ExitCode> {
  const { signal, output } = context
  const ways = [ids.length > 0, flags.all, flags.everything].filter(Boolean).length
  if (ways !== 1) throw new UsageError('Name sessions by their ids, or say --all or --everything.')
  if (flags.everything) return await revokeEverything(context)
  return await withSession(context, async (session) => {
    if (flags.all) {
      const revoked = await session.revokeOtherSessions({ signal })
      if (output.json) output.document({ revoked, failed: [] })
      output.note(`Ended ${count(revoked, 'session')}; this device stays signed in.`)
      return EXIT.done
    }
    const list = await session.sessions({ signal })
    const result = await forEachTarget(output, ids, async (id) => {
      const entry = sessionOf(list, id)
      await session.revokeSession(entry.sessionId, { signal })
      return { sessionId: entry.sessionId }
    })
    if (output.json) output.document({ revoked: result.done.length, failed: result.failures.list })
    else if (result.done.length > 0) output.note(`Ended ${count(result.done.length, 'session')}.`)
    return result.exitCode
  })
}

/** The others first: if it is interrupted, this device can still do the rest. */
async function revokeEverything(context: CommandContext): Promise<ExitCode> {
  const { signal, output } = context
  const revoked = await withSession(context, async (session) => {
    const others = await session.revokeOtherSessions({ signal })
    await session.logout({ signal })
    return others + 1
  })
  if (output.json) output.document({ revoked, failed: [] })
  output.note(`Ended ${count(revoked, 'session')}, this one too; sign in again with "strongroom login".`)
  return EXIT.done
}

function sessionOf(list: readonly SessionEntry[], id: string): SessionEntry {
  const found = list.filter((entry) => entry.sessionId.startsWith(id.toLowerCase()))
  const [entry] = found
  if (entry === undefined || id === '') {
    throw new CliError(EXIT.notFound, 'There is no such session; see them with "strongroom sessions".')
  }
  if (found.length > 1) throw new UsageError('Several sessions begin so; give more digits of the id.')
  return entry
}
