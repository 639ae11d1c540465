import type { Bytes } from './encoding.ts'
import { concat, i64, u32, u64, utf8 } from './encoding.ts'
import { CryptoError } from './errors.ts'
import { hashMessage } from './messages.ts'

const ID_LENGTH = 16
const HASH_LENGTH = 32

/** Form of an event's code. Codes that a reader does not know are hashed and shown like the others. */
export const AUDIT_EVENT = /^[a-z][a-z0-9_]{0,39}$/

/** One entry of an account's audit log. */
export interface AuditEntry {
  readonly accountId: Bytes
  /** From 1. */
  readonly seq: number
  /** Of what happened; of several that were counted together, the last. Says nothing about the order. */
  readonly timeMs: number
  readonly event: string
  /** How often it happened, from 1. */
  readonly count: number
  readonly sessionId: Bytes | null
  readonly deviceId: Bytes | null
}

/**
 * What an entry's hash is computed over, by SHA-256.
 *
 * @param previousHash - of the entry before; 32 zero bytes for the first
 * @throws CryptoError `malformed`, `size_out_of_range`
 * @see spec/audit.md §2
 */
export function auditEntryMessage(entry: AuditEntry, previousHash: Bytes): Bytes {
  const sessionId = entry.sessionId ?? new Uint8Array(ID_LENGTH)
  const deviceId = entry.deviceId ?? new Uint8Array(ID_LENGTH)
  const ids = [entry.accountId, sessionId, deviceId]
  const fits = ids.every((id) => id.length === ID_LENGTH) && previousHash.length === HASH_LENGTH
  if (!fits || !AUDIT_EVENT.test(entry.event) || entry.seq < 1 || entry.count < 1) throw new CryptoError('malformed')
  // Reason for the order: only the last part has no fixed length.
  const numbers = concat(u64(entry.seq), i64(entry.timeMs), u32(entry.count))
  return hashMessage('audit', entry.accountId, numbers, sessionId, deviceId, previousHash, utf8(entry.event))
}
