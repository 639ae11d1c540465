import type { VersionEntry } from '@strongroom/client'
import { type CommandContext, withDrive } from '../context.ts'
import { aboutPath } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import { parseWhole } from '../quantity.ts'
import { parseRemotePath } from '../remote-path.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'

/** `versions`: the versions of a file, the newest first. */
export async function versions(context: CommandContext, pathText: string): Promise<ExitCode> {
  const path = parseRemotePath(pathText)
  const { signal, output } = context
  const list = await withDrive(context, (drive) => aboutPath(path, () => drive.versions(path, { signal })))
  if (output.json) {
    output.document(list.map(versionJson))
    return EXIT.done
  }
  const numberWidth = Math.max(1, ...list.map((version) => String(version.number).length))
  const sizeWidth = Math.max(1, ...list.map((version) => String(version.size).length))
  for (const version of list) {
    const number = String(version.number).padStart(numberWidth)
    const size = String(version.size).padStart(sizeWidth)
    const device = terminalText(version.deviceName ?? `device ${version.deviceId.slice(0, 8)}`)
    output.line(
      `${number}  ${shownTime(version.storedMs)}  ${size}  ${device}${version.current ? '  (the newest)' : ''}`,
    )
  }
  return EXIT.done
}

function versionJson(version: VersionEntry): Record<string, unknown> {
  return {
    number: version.number,
    versionId: version.versionId,
    current: version.current,
    size: version.size,
    mtimeMs: version.mtimeMs,
    mtime: isoTime(version.mtimeMs),
    storedMs: version.storedMs,
    storedTime: isoTime(version.storedMs),
    mode: version.mode ?? null,
    deviceId: version.deviceId,
    deviceName: version.deviceName,
  }
}

/**
 * A version from `--version`: its number, or its id of 32 hexadecimal digits.
 *
 * @throws UsageError
 */
export function parseVersion(text: string): number | string {
  if (/^[0-9a-f]{32}$/i.test(text)) return text.toLowerCase()
  if (!/^\d+$/.test(text)) throw new UsageError('--version takes a number or an id as "strongroom versions" shows.')
  return parseWhole(text, '--version', 1)
}
