import {
  type AccountId,
  type AuditEntry,
  auditEntryMessage,
  type CryptoEngine,
  CryptoError,
  equalBytes,
  fromHex,
  isZero,
  toHex,
} from '@strongroom/crypto'
import { LIMITS, type ResponseOf, type ROUTES } from '@strongroom/protocol'
import { ClientError, integrityError } from '../errors.ts'
import type { StateStore } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { advanceAudit, auditForked, auditRolledBack, type HeadPin, loadPins, updatePins } from './pins.ts'
import type { AuditEvent } from './types.ts'

export interface AuditContext {
  readonly engine: CryptoEngine
  readonly api: Pick<Api, 'call'>
  readonly store: StateStore
  readonly accountId: AccountId
}

type Page = ResponseOf<typeof ROUTES.auditRead>

interface Head {
  readonly seq: number
  readonly hash: Uint8Array
}

/**
 * Follows the audit log from the pinned head to the newest one and pins that; a device that has no pin yet takes the
 * head as it is shown.
 *
 * @throws ClientError `integrity` when the log was set back, or another one is shown
 */
export async function followAudit(context: AuditContext, signal: AbortSignal | undefined): Promise<HeadPin> {
  const { api, store, accountId } = context
  const account = toHex(accountId)
  const pin = (await loadPins(store)).audits[account]
  let page = await api.call('auditRead', { query: pin === undefined ? {} : { from: pin.seq + 1 }, signal })
  const passed = new Map<number, string>()
  if (pin !== undefined) {
    let last: Head = { seq: pin.seq, hash: fromHex(pin.hash) }
    for (;;) {
      requireJoint(page, last)
      last = await lastOf(context, page, (head) => passed.set(head.seq, toHex(head.hash)))
      if (last.seq >= page.head.seq) break
      if (page.entries.length === 0) throw integrityError('the audit log, of which the server keeps entries back')
      page = await api.call('auditRead', { query: { from: last.seq + 1 }, signal })
    }
    if (last.seq !== page.head.seq || !equalBytes(last.hash, page.head.hash)) throw auditForked(pin, hexHead(page.head))
  }
  return pinAudit(store, account, hexHead(page.head), passed)
}

/** The page has to begin behind what was verified before. */
function requireJoint({ head, from, previousHash }: Page, last: Head): void {
  if (head.seq < last.seq) throw auditRolledBack(hexHead(last), hexHead(head))
  if (from !== last.seq + 1) throw integrityError('the audit log, of which the server keeps entries back')
  if (previousHash === null || !equalBytes(previousHash, last.hash)) throw auditForked(hexHead(last), hexHead(head))
}

async function pinAudit(
  store: StateStore,
  account: string,
  head: HeadPin,
  passed: ReadonlyMap<number, string>,
): Promise<HeadPin> {
  let pinned = head
  await updatePins(store, (pins) => {
    const changed = advanceAudit(pins, account, head, (seq) => passed.get(seq))
    pinned = pins.audits[account] ?? head
    return changed
  })
  return pinned
}

/** The head that a page's entries lead to. */
async function lastOf(
  { engine, accountId }: AuditContext,
  page: Page,
  pass: (head: Head) => void = () => undefined,
): Promise<Head> {
  let hash = page.previousHash ?? new Uint8Array()
  let seq = page.from - 1
  for (const entry of page.entries) {
    seq += 1
    hash = await engine.sha256(messageOf({ ...entry, accountId, seq }, hash))
    pass({ seq, hash })
  }
  return { seq, hash }
}

function messageOf(entry: AuditEntry, previousHash: Uint8Array): Uint8Array {
  try {
    return auditEntryMessage(entry, previousHash)
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause
    throw integrityError('an entry of the audit log', cause)
  }
}

/**
 * Compares the head that came along with another answer, and follows the log where it is newer.
 *
 * @throws ClientError `integrity`
 */
export async function passAudit(context: AuditContext, shown: Head, signal: AbortSignal | undefined): Promise<void> {
  const pin = (await loadPins(context.store)).audits[toHex(context.accountId)]
  if (pin !== undefined && pin.seq === shown.seq && pin.hash === toHex(shown.hash)) return
  await followAudit(context, signal)
}

/**
 * The audit log back to a moment, oldest first, every entry verified against the head that this device has pinned.
 *
 * @param options.sinceMs - all of it without
 * @throws ClientError `integrity`
 */
export async function readAudit(
  context: AuditContext,
  options: { sinceMs: number | undefined; nameOf: (deviceId: Uint8Array) => string | null },
  signal: AbortSignal | undefined,
): Promise<AuditEvent[]> {
  const { sinceMs, nameOf } = options
  const pin = await followAudit(context, signal)
  let wanted: Head = { seq: pin.seq, hash: fromHex(pin.hash) }
  const pages: AuditEntry[][] = []
  while (wanted.seq > 0) {
    const from = Math.max(1, wanted.seq - LIMITS.auditPerPage + 1)
    const page = await context.api.call('auditRead', { query: { from }, signal })
    const entries = page.entries.slice(0, wanted.seq - from + 1)
    // Backwards, each page is proved by the hash that the one after it begins with, the last by the pin.
    const last = page.from === from ? await lastOf(context, { ...page, entries }) : null
    if (last === null || last.seq !== wanted.seq || !equalBytes(last.hash, wanted.hash)) {
      throw auditForked(hexHead(wanted), hexHead(last ?? page.head))
    }
    const before = page.previousHash ?? new Uint8Array()
    if (from === 1 && !isZero(before)) throw integrityError('the beginning of the audit log')
    const { accountId } = context
    pages.push(entries.map((entry, index) => ({ ...entry, accountId, seq: from + index })))
    if (sinceMs !== undefined && entries.every((entry) => entry.timeMs < sinceMs)) break
    wanted = { seq: from - 1, hash: before }
  }
  const all = pages.reverse().flat()
  const devices = devicesOf(all)
  return all
    .filter((entry) => sinceMs === undefined || entry.timeMs >= sinceMs)
    .map(({ seq, timeMs, event, count, sessionId, deviceId }) => {
      const session = sessionId === null ? null : toHex(sessionId)
      const device = deviceId ?? devices.get(session ?? '') ?? null
      return {
        seq,
        timeMs,
        event,
        count,
        sessionId: session,
        deviceId: device === null ? null : toHex(device),
        deviceName: device === null ? null : nameOf(device),
      }
    })
}

/** Devices by session: a session says which device it is only after its sign-in. */
function devicesOf(entries: readonly AuditEntry[]): Map<string, Uint8Array> {
  const devices = new Map<string, Uint8Array>()
  for (const { sessionId, deviceId } of entries) {
    if (sessionId !== null && deviceId !== null) devices.set(toHex(sessionId), deviceId)
  }
  return devices
}

/** Whether the server shows another audit log than this device has seen, or less of it. */
export async function isAuditSetBack(context: AuditContext, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await followAudit(context, signal)
    return false
  } catch (error) {
    const { reason } = error instanceof ClientError ? error.details : {}
    if (reason === 'audit_rolled_back' || reason === 'audit_forked') return true
    throw error
  }
}

/** Pins the log that the server shows now, whatever was pinned before: for users who know why it was set back. */
export async function acceptAudit(context: AuditContext, signal: AbortSignal | undefined): Promise<void> {
  const { head } = await context.api.call('auditRead', { query: {}, signal })
  await updatePins(context.store, (pins) => {
    pins.audits[toHex(context.accountId)] = hexHead(head)
    return true
  })
}

function hexHead({ seq, hash }: Head): HeadPin {
  return { seq, hash: toHex(hash) }
}
