import { recordOf, type VaultState } from '@strongroom/vault'

/** Type of the account records that name devices: key is the device id, value its name in UTF-8. */
export const DEVICE_RECORD = 'device'
/** Longest device name in bytes; longer ones are cut. */
const MAX_DEVICE_NAME = 100

/** A device's name as its record holds it. */
export function encodeDeviceName(name: string): Uint8Array {
  const encoder = new TextEncoder()
  let short = [...name.replace(/[\p{Cc}\p{Surrogate}]/gu, '')]
  while (encoder.encode(short.join('')).length > MAX_DEVICE_NAME) short = short.slice(0, -1)
  return encoder.encode(short.join(''))
}

/** The name that the log has for a device, or null. */
export function deviceNameOf(state: VaultState, deviceId: Uint8Array): string | null {
  const name = recordOf(state, DEVICE_RECORD, deviceId)
  return name === null ? null : new TextDecoder().decode(name)
}
