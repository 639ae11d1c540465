import { utf8 } from '@strongroom/crypto'
import { type RecordOperation, recordOf, type VaultState } from '@strongroom/vault'
import { ClientError } from '../errors.ts'

/** Type of the account records that hold settings: key is the name, value its text. */
const SETTING_RECORD = 'setting'
const MOST_DAYS = 36_500

/** A setting in days; null for never. */
export function daysSetting(state: VaultState, name: string, otherwise: number | null): number | null {
  const value = recordOf(state, SETTING_RECORD, utf8(name))
  if (value === null) return otherwise
  const text = new TextDecoder().decode(value)
  // Reason: a value of a newer client must not make this one destroy anything.
  if (!/^\d{1,5}$/.test(text) || Number(text) > MOST_DAYS) return null
  return Number(text)
}

/** What sets it; null where nothing is to be set. @throws ClientError `usage` */
export function daysOperation(name: string, days: number | null | undefined): RecordOperation | null {
  if (days === undefined) return null
  if (days !== null && !(Number.isInteger(days) && days >= 1 && days <= MOST_DAYS)) {
    throw new ClientError('usage', `Days are a whole number from 1 to ${MOST_DAYS}.`)
  }
  return { op: 'record', type: SETTING_RECORD, key: utf8(name), value: utf8(days === null ? 'never' : String(days)) }
}
