import { type DeviceId, equalBytes, fromHex, toHex } from '@strongroom/crypto'
import { recordOf } from '@strongroom/vault'
import { ClientError } from '../errors.ts'
import type { Api } from '../transport/api.ts'
import type { VaultLog } from '../vault-log/types.ts'
import { type AuditContext, followAudit } from './audit.ts'
import { DEVICE_RECORD, deviceNameOf, encodeDeviceName } from './device-names.ts'
import type { SessionEntry } from './types.ts'

export interface DeviceContext {
  readonly api: Api
  readonly log: VaultLog
  readonly deviceId: DeviceId
  readonly deviceName: string
  /** Whether the server knows which device the session is. */
  readonly isTold: boolean
  /** Resolves once this device keeps what the login proved; nothing is built on that before. */
  readonly kept: Promise<void>
}

/**
 * After a login: tells the server which device the session is, and the private log what its name is. What the network
 * or the server prevents is left for the next login; nothing depends on it. The audit log is followed as well.
 *
 * @throws ClientError `integrity`, `aborted`
 */
export async function announceDevice(
  context: DeviceContext & AuditContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tell = async (): Promise<void> => {
    if (!context.isTold) {
      await context.kept
      await context.api.call('sessionDevice', { body: { deviceId: context.deviceId }, signal })
    }
    // Behind it, because it makes an entry of its own.
    await followAudit(context, signal)
  }
  const ended = await Promise.allSettled([nameDevice(context, signal), tell()])
  const errors = ended.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []))
  const stop = errors.find((error) => !(error instanceof ClientError) || ['integrity', 'aborted'].includes(error.code))
  if (stop !== undefined) throw stop
}

async function nameDevice(
  { log, deviceId, deviceName, kept }: DeviceContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  await log.sync(signal)
  await kept
  const value = encodeDeviceName(deviceName)
  await log.commit((state) => {
    const known = recordOf(state, DEVICE_RECORD, deviceId)
    if (known !== null && equalBytes(known, value)) return null
    return { operations: [{ op: 'record', type: DEVICE_RECORD, key: deviceId, value }], contents: [] }
  }, signal)
  await log.flush()
}

/** The account's sessions, the last used first, with the names that the log has for their devices. */
export async function listSessions(
  { api, log }: Pick<DeviceContext, 'api' | 'log'>,
  signal: AbortSignal | undefined,
): Promise<SessionEntry[]> {
  await log.sync(signal)
  await log.flush()
  const { sessions } = await api.call('sessionsList', { signal })
  return sessions.map(({ sessionId, deviceId, createdAtMs, usedAtMs, expiresAtMs, current }) => ({
    sessionId: toHex(sessionId),
    deviceId: deviceId === null ? null : toHex(deviceId),
    deviceName: deviceId === null ? null : deviceNameOf(log.state, deviceId),
    createdMs: createdAtMs,
    usedMs: usedAtMs,
    expiresMs: expiresAtMs,
    current,
  }))
}

/** Ends a session. @param id - hex @throws ClientError `not_found`, `usage` */
export async function revokeSession(api: Api, id: string, signal: AbortSignal | undefined): Promise<void> {
  if (!/^[0-9a-f]{32}$/i.test(id)) {
    throw new ClientError('usage', 'A session is named by its id of 32 hexadecimal digits.')
  }
  try {
    await api.call('sessionRevoke', { params: { sessionId: fromHex(id.toLowerCase()) }, signal })
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'not_found') throw error
    const details = { reason: 'no_such_session' }
    throw new ClientError('not_found', 'The account has no such session.', { cause: error, details })
  }
}
