import { type AccountId, asDeviceId, type CryptoEngine, type DeviceId, fromHex, toHex } from '@strongroom/crypto'
import type { StateStore } from '../ports.ts'
import type { ProfilePin } from './kdf-profiles.ts'
import { advanceKeyring, checkReceiptKey, checkServerKey, loadPins, type Pins, updatePins } from './pins.ts'

/** This device's id for an account: random, kept as long as the pins are. */
export async function deviceFor(engine: CryptoEngine, store: StateStore, account: AccountId): Promise<DeviceId> {
  const known = (await loadPins(store)).deviceIds[toHex(account)]
  return asDeviceId(known === undefined ? engine.randomBytes(16) : fromHex(known))
}

export interface PinnedLogin {
  readonly server: string
  /** Hex. */
  readonly publicKey: string
  /** Hex. */
  readonly receiptKey: string
  readonly accountId: AccountId
  readonly deviceId: DeviceId
  readonly keyringVersion: number
  /** Sealed. */
  readonly keyring: Uint8Array
  /** What stretched the password, where that was not remembered before. */
  readonly kdf?: ProfilePin
}

/** Writes down what a login proved. @throws ClientError `integrity` when it contradicts what was seen before */
export async function pinLogin(engine: CryptoEngine, store: StateStore, login: PinnedLogin): Promise<void> {
  const account = toHex(login.accountId)
  const hash = toHex(await engine.sha256(login.keyring))
  await updatePins(store, (pins: Pins) => {
    checkServerKey(pins, login.server, login.publicKey)
    checkReceiptKey(pins, login.server, login.receiptKey)
    pins.servers[login.server] = login.publicKey
    pins.receiptKeys[login.server] = login.receiptKey
    pins.deviceIds[account] = toHex(login.deviceId)
    advanceKeyring(pins, account, { version: login.keyringVersion, hash })
    if (login.kdf !== undefined) pins.profiles[login.kdf.key] = login.kdf.profile
    return true
  })
}
