import { ClientError, integrityError } from '../errors.ts'
import type { StateStore } from '../ports.ts'
import { parseObject } from './records.ts'

/** Newest commit of a vault that this device has verified. */
export interface HeadPin {
  readonly seq: number
  /** Hex. */
  readonly hash: string
}

export interface KeyringPin {
  readonly version: number
  /** Hex SHA-256 of the sealed keyring. */
  readonly hash: string
}

/** What this device will not go back behind; kept at logout. All keys are hex or URLs. */
export interface Pins {
  deviceIds: Record<string, string>
  servers: Record<string, string>
  keyrings: Record<string, KeyringPin>
  heads: Record<string, HeadPin>
}

const PINS_VERSION = 1

/** Reads the pins. @throws ClientError `integrity` when they are there but broken: they are never silently dropped */
export async function loadPins(store: StateStore): Promise<Pins> {
  const bytes = await store.load('pins')
  if (bytes === null) return { deviceIds: {}, servers: {}, keyrings: {}, heads: {} }
  let value: Record<string, unknown>
  try {
    value = parseObject(bytes, 'pins')
  } catch (cause) {
    throw new ClientError('integrity', 'The pins of this device are damaged; restore the file `pins.json`.', { cause })
  }
  if (value.version !== PINS_VERSION) {
    throw new ClientError('upgrade_required', 'The pins of this device were written by a newer client.')
  }
  return {
    deviceIds: table(value.deviceIds, isText),
    servers: table(value.servers, isText),
    keyrings: table(value.keyrings, isKeyringPin),
    heads: table(value.heads, isHeadPin),
  }
}

/** Changes the pins alone among all processes; `change` sees the stored ones and may throw to refuse. */
export async function updatePins(store: StateStore, change: (pins: Pins) => boolean): Promise<void> {
  await store.exclusively(async () => {
    const pins = await loadPins(store)
    if (!change(pins)) return
    await store.save(
      'pins',
      new TextEncoder().encode(`${JSON.stringify({ version: PINS_VERSION, ...pins }, null, 2)}\n`),
    )
  })
}

/**
 * Moves a head pin forward; an older head leaves it where it is, because another process may be ahead.
 *
 * @returns whether anything changed
 * @throws ClientError `integrity` when the same position holds another commit: a fork
 */
export function advanceHead(pins: Pins, vault: string, head: HeadPin): boolean {
  const known = pins.heads[vault]
  if (known !== undefined && known.seq === head.seq && known.hash !== head.hash) throw forked()
  if (known !== undefined && known.seq >= head.seq) return false
  pins.heads[vault] = head
  return true
}

/** @throws ClientError `integrity` when the keyring is older than, or differs from, the one seen before */
export function advanceKeyring(pins: Pins, account: string, keyring: KeyringPin): boolean {
  const known = pins.keyrings[account]
  if (known !== undefined && known.version > keyring.version) throw integrityError('the keyring went back in time')
  if (known !== undefined && known.version === keyring.version) {
    if (known.hash !== keyring.hash) throw integrityError('the keyring was exchanged')
    return false
  }
  pins.keyrings[account] = keyring
  return true
}

/** @throws ClientError `integrity` when the server proves another OPAQUE key than at first contact */
export function checkServerKey(pins: Pins, server: string, publicKey: string): void {
  const known = pins.servers[server]
  if (known !== undefined && known !== publicKey) throw integrityError("the server's public key has changed")
}

export function rolledBack(): ClientError {
  return integrityError('the server shows an older state than this device has seen')
}

export function forked(): ClientError {
  return integrityError('the server shows a different history than this device has seen')
}

function table<T>(value: unknown, is: (item: unknown) => item is T): Record<string, T> {
  // Reason for the null prototype: keys such as `__proto__` come from a file.
  const result: Record<string, T> = Object.create(null)
  for (const [key, item] of Object.entries(typeof value === 'object' && value !== null ? value : {})) {
    if (!is(item))
      throw new ClientError('integrity', 'The pins of this device are damaged; restore the file `pins.json`.')
    result[key] = item
  }
  return result
}

function isText(item: unknown): item is string {
  return typeof item === 'string'
}

function isHeadPin(item: unknown): item is HeadPin {
  return isPin(item, 'seq')
}

function isKeyringPin(item: unknown): item is KeyringPin {
  return isPin(item, 'version')
}

function isPin(item: unknown, number: string): boolean {
  if (typeof item !== 'object' || item === null) return false
  const record: Record<string, unknown> = { ...item }
  return Number.isSafeInteger(record[number]) && typeof record.hash === 'string'
}
