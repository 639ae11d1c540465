import { type AccountId, asDeviceId, type CryptoEngine, type DeviceId, fromHex, toHex } from '@strongroom/crypto'
import type { StateStore } from '../ports.ts'
import type { ProfilePin } from './kdf-profiles.ts'
import { advanceKeyring, checkReceiptKey, checkServerKey, loadPins, type Pins, updatePins } from './pins.ts'

/**
 * This device's id for an account: random, kept as long as the pins are.
 *
 * @param fresh - taken where it has none yet
 */
export async function deviceFor(
  engine: CryptoEngine,
  store: StateStore,
  account: AccountId,
  fresh?: DeviceId,
): Promise<DeviceId> {
  const known = (await loadPins(store)).deviceIds[toHex(account)]
  if (known !== undefined) return asDeviceId(fromHex(known))
  return fresh ?? asDeviceId(engine.randomBytes(16))
}

/**
 * The id that a device gets which has none for any account; undefined for others.
 *
 * Reason: before a login has ended nobody knows whose account it is, and an id that belongs to another one would tell the
 * server that both are used here.
 */
export async function freshDevice(engine: CryptoEngine, store: StateStore): Promise<DeviceId | undefined> {
  const { deviceIds } = await loadPins(store)
  return Object.keys(deviceIds).length === 0 ? asDeviceId(engine.randomBytes(16)) : undefined
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

/** Holds what a login proved against the pins, and writes nothing. @throws ClientError `integrity`, as `pinLogin` */
export async function checkLogin(engine: CryptoEngine, store: StateStore, login: PinnedLogin): Promise<void> {
  take(await loadPins(store), login, toHex(await engine.sha256(login.keyring)))
}

/** Writes down what a login proved. @throws ClientError `integrity` when it contradicts what was seen before */
export async function pinLogin(engine: CryptoEngine, store: StateStore, login: PinnedLogin): Promise<void> {
  const hash = toHex(await engine.sha256(login.keyring))
  await updatePins(store, (pins) => {
    take(pins, login, hash)
    return true
  })
}

/** @param hash - hex, of the sealed keyring */
function take(pins: Pins, login: PinnedLogin, hash: string): void {
  const account = toHex(login.accountId)
  checkServerKey(pins, login.server, login.publicKey)
  checkReceiptKey(pins, login.server, login.receiptKey)
  pins.servers[login.server] = login.publicKey
  pins.receiptKeys[login.server] = login.receiptKey
  pins.deviceIds[account] = toHex(login.deviceId)
  advanceKeyring(pins, account, { version: login.keyringVersion, hash })
  if (login.kdf !== undefined) pins.profiles[login.kdf.key] = login.kdf.profile
}
