import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { UsageError } from '../failure.ts'
import type { Output } from '../output.ts'
import { count, parseWhole } from '../quantity.ts'
import { terminalText } from '../terminal-text.ts'
import { isoTime, shownTime } from '../times.ts'
import type { Admin } from './serve.ts'

interface KeyStatus {
  readonly id: string
  readonly use: 'current' | 'retired' | 'doomed' | 'ended'
  readonly state: string
  readonly outerKeys: number
  readonly setup: boolean
  readonly destructionMs: number | null
}

interface Status {
  readonly kind: string
  readonly sharedKeys: readonly KeyStatus[]
  readonly ownKeys: {
    readonly inUse: number
    readonly retired: number
    readonly doomed: number
    readonly ended: number
    readonly oldestMs: number | null
  }
  readonly rotation: { readonly toKey: string | null; readonly startedMs: number; readonly left: number } | null
  readonly outerRotations: number
}

interface Moved {
  readonly toKey: string
  readonly moved: number
  readonly left: number
  readonly failed: number
  readonly ownKeys: number
}

interface OwnRotated {
  readonly rotated: number
  readonly failed: readonly string[]
  readonly toKey: string | null
}

interface Destroyed {
  readonly destroyed: readonly { readonly keyId: string; readonly destructionMs: number }[]
}

const USES = { current: 'current', retired: 'retired', doomed: 'to be destroyed', ended: 'destroyed' } as const

function keyLine(key: KeyStatus): string {
  const parts = [key.id, USES[key.use], key.state.replace('_', ' '), count(key.outerKeys, 'outer key')]
  if (key.setup) parts.push('server setup')
  if (key.destructionMs !== null) parts.push(`gone by ${shownTime(key.destructionMs)}`)
  return terminalText(parts.join('  '))
}

/** `admin kms status`: keys of the key service, what is wrapped under them, and what is under way. */
export async function adminKmsStatus({ output, signal }: CommandContext, admin: Admin): Promise<ExitCode> {
  const status = (await admin.call('kms-status', {}, { signal })) as Status // checked there
  if (output.json) {
    const { rotation, sharedKeys, ownKeys, ...rest } = status
    const { oldestMs, ...counts } = ownKeys
    output.document({
      ...rest,
      ownKeys: { ...counts, oldest: timeOf(oldestMs) },
      sharedKeys: sharedKeys.map(({ destructionMs, ...key }) => ({ ...key, destruction: timeOf(destructionMs) })),
      rotation:
        rotation === null ? null : { toKey: rotation.toKey, started: timeOf(rotation.startedMs), left: rotation.left },
    })
    return EXIT.done
  }
  for (const key of status.sharedKeys) output.line(keyLine(key))
  const { ownKeys, rotation, outerRotations } = status
  const since = ownKeys.oldestMs === null ? '' : ` (the oldest since ${shownTime(ownKeys.oldestMs).slice(0, 10)})`
  const own = [
    `${ownKeys.inUse} in use${since}`,
    `${ownKeys.retired} retired`,
    `${ownKeys.doomed} to be destroyed`,
    `${ownKeys.ended} destroyed`,
  ]
  output.line(`keys of single accounts: ${own.join(', ')}`)
  if (rotation !== null) output.line(`a rotation is under way: ${count(rotation.left, 'outer key')} left`)
  if (outerRotations > 0) output.line(`outer keys being rotated: ${outerRotations}`)
  return EXIT.done
}

function timeOf(timeMs: number | null): string | null {
  return timeMs === null ? null : isoTime(timeMs)
}

/** A line on a terminal that is written again and again. */
function counterLine({ interactive }: Output): { show(text: string): void; end(): void } {
  let shown = false
  return {
    show: (text) => {
      if (!interactive) return
      process.stderr.write(`\r\u001b[K${text}`)
      shown = true
    },
    end: () => {
      if (shown) process.stderr.write('\r\u001b[K')
    },
  }
}

export interface RotateFlags {
  readonly to?: string
  readonly own?: true
  readonly account?: string
}

/** `admin kms rotate`: moves outer keys to other keys of the key service, or goes on with it. */
export async function adminKmsRotate(context: CommandContext, admin: Admin, flags: RotateFlags): Promise<ExitCode> {
  const isOwn = flags.own === true || flags.account !== undefined
  if (!isOwn) return rotateShared(context, admin, flags)
  if (flags.to !== undefined) throw new UsageError('--to is for the shared key; keys of single accounts are made here.')
  if (flags.own === true && flags.account !== undefined) throw new UsageError('--own and --account exclude each other.')
  return rotateOwn(context, admin, flags.account)
}

/** Gives accounts with keys of their own new ones. */
async function rotateOwn({ output, signal }: CommandContext, admin: Admin, account?: string): Promise<ExitCode> {
  const line = counterLine(output)
  const onProgress = (value: unknown): void => line.show(`${(value as { rotated: number }).rotated} rotated`)
  const input = account === undefined ? {} : { account }
  const answer = (await admin.call('kms-rotate-own', input, { signal, onProgress }).finally(line.end)) as OwnRotated // checked there
  if (output.json) output.document(answer)
  else if (answer.toKey !== null) output.line(terminalText(answer.toKey))
  output.note(`${count(answer.rotated, 'account')} moved to a new key of its own.`)
  for (const failed of answer.failed) {
    output.warn(`strongroom: The key of account ${terminalText(failed)} is disabled, or its outer key is damaged.`)
  }
  if (answer.rotated > 0) output.note(DESTROY_HINT)
  return answer.failed.length === 0 ? EXIT.done : EXIT.partlyDone
}

const DESTROY_HINT = 'Once no backup from before is needed: strongroom admin kms destroy-retired'

/** Moves all outer keys of the shared scope to another key. */
async function rotateShared({ output, signal }: CommandContext, admin: Admin, flags: RotateFlags): Promise<ExitCode> {
  const line = counterLine(output)
  const onProgress = (value: unknown): void => {
    const { moved, left } = value as Moved // as the operation reports it
    line.show(`${moved} moved, ${left} left`)
  }
  const input = flags.to === undefined ? {} : { toKey: flags.to }
  const answer = (await admin.call('kms-rotate', input, { signal, onProgress }).finally(line.end)) as Moved // checked there
  if (output.json) output.document(answer)
  else output.line(terminalText(answer.toKey))
  output.note(`${count(answer.moved, 'outer key')} moved to this key, the server setup too.`)
  if (answer.ownKeys > 0) {
    output.note(
      `Left alone: ${count(answer.ownKeys, 'account')} with a key of its own: strongroom admin kms rotate --own`,
    )
  }
  if (answer.left === 0) {
    output.note(DESTROY_HINT)
    return EXIT.done
  }
  output.warn(
    `strongroom: ${count(answer.left, 'outer key')} still under older keys, which are disabled, or the outer keys are damaged; see "admin kms status".`,
  )
  return EXIT.partlyDone
}

/** `admin kms destroy-retired`: has the key service destroy keys under which nothing is left. */
export async function adminKmsDestroyRetired(
  { output, signal }: CommandContext,
  admin: Admin,
  flags: { days: string },
): Promise<ExitCode> {
  const days = parseWhole(flags.days, '--days', 7, 30)
  const { destroyed } = (await admin.call('kms-destroy-retired', { days }, { signal })) as Destroyed // checked there
  const keys = destroyed.map(({ keyId, destructionMs }) => ({ key: keyId, destruction: destructionMs }))
  if (output.json) {
    output.document({ destroyed: keys.map((one) => ({ ...one, destruction: timeOf(one.destruction) })) })
    return EXIT.done
  }
  for (const { key, destruction } of keys) output.line(terminalText(`${key}  gone by ${shownTime(destruction)}`))
  output.note(
    keys.length === 0
      ? 'There is no retired key under which nothing is left.'
      : 'They refuse from now on. Backups of the database from before the rotation open nothing any more once they are gone.',
  )
  return EXIT.done
}

/** `admin kms rotate-outer`: gives an account a new outer key and seals its rows again. */
export async function adminKmsRotateOuter(
  { output, signal }: CommandContext,
  admin: Admin,
  account: string,
): Promise<ExitCode> {
  const line = counterLine(output)
  const onProgress = (value: unknown): void => line.show(`${count((value as { rows: number }).rows, 'row')} sealed`)
  const call = admin.call('kms-rotate-outer', { account }, { signal, onProgress }).finally(line.end)
  const answer = (await call) as { account: string; version: number; rows: number } // checked there
  if (output.json) output.document(answer)
  output.note(`${count(answer.rows, 'row')} sealed under outer key ${answer.version}; the older one is deleted.`)
  return EXIT.done
}
