import type { AuditEvent } from '@strongroom/client'
import { auditWords } from '../audit-words.ts'
import { type CommandContext, withSession } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, parseMoment, shownTime } from '../times.ts'

/** `audit`: what happened to the account, as the server has logged it and this device has verified. */
export async function audit(context: CommandContext, flags: { since?: string }): Promise<ExitCode> {
  const { signal, output } = context
  const sinceMs = flags.since === undefined ? undefined : parseMoment(flags.since, '--since', Date.now())
  const events = await withSession(context, (session) =>
    session.audit({ signal, ...(sinceMs === undefined ? {} : { sinceMs }) }),
  )
  if (output.json) output.document(events.map(({ timeMs, ...rest }) => ({ time: isoTime(timeMs), ...rest })))
  else for (const event of events) output.line(line(event))
  return EXIT.done
}

function line(event: AuditEvent): string {
  const times = event.count === 1 ? '' : `, ${event.count} times`
  const device = deviceText(event)
  const what = terminalText(auditWords(event.event))
  return `${shownTime(event.timeMs)}  ${what}${times}${device === '' ? '' : `  (${device})`}`
}

function deviceText({ sessionId, deviceId, deviceName }: AuditEvent): string {
  if (deviceName !== null) return terminalText(deviceName)
  if (deviceId !== null) return `device ${deviceId.slice(0, 8)}`
  return sessionId === null ? '' : `session ${sessionId.slice(0, 8)}`
}
