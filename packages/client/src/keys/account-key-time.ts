import { i64, readI64, utf8 } from '@strongroom/crypto'
import { type RecordOperation, recordOf, type VaultState } from '@strongroom/vault'

/** Type of the account record that tells when a key was made: the key names it, the value is its time in ms, i64. */
const TIME_RECORD = 'key-time'
const ACCOUNT_KEY = utf8('account-key')

/** When the account key was made, by the log; null when it is the first, or its time was never written down. */
export function accountKeyTime(state: VaultState): number | null {
  const value = recordOf(state, TIME_RECORD, ACCOUNT_KEY)
  return value?.length === 8 ? Number(readI64(value, 0)) : null
}

/** What writes it down. */
export function accountKeyTimeOperation(timeMs: number): RecordOperation {
  return { op: 'record', type: TIME_RECORD, key: ACCOUNT_KEY, value: i64(timeMs) }
}
