import { ClientError, type ErrorDetails, integrityError } from '../errors.ts'
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
  /** Newest entry of each account's audit log. */
  audits: Record<string, HeadPin>
  /** Profile that stretched a password last, by a hash of server and login name. */
  profiles: Record<string, string>
  /** Each server's key for receipts. */
  receiptKeys: Record<string, string>
  /** By what the receipts of accounts are fetched whose deletion was asked for here. */
  deletions: Record<string, DeletionPin>
}

export interface DeletionPin {
  readonly server: string
  /** Hex; gets the receipt and nothing else. */
  readonly secret: string
}

const PINS_VERSION = 1

/** Reads the pins. @throws ClientError `integrity` when they are there but broken: they are never silently dropped */
export async function loadPins(store: StateStore): Promise<Pins> {
  const bytes = await store.load('pins')
  if (bytes === null) return noPins()
  let value: Record<string, unknown>
  try {
    value = parseObject(bytes, 'pins')
  } catch (cause) {
    throw pinsDamaged(cause)
  }
  if (value.version !== PINS_VERSION) {
    throw new ClientError('upgrade_required', 'The pins of this device were written by a newer client.')
  }
  return {
    deviceIds: table(value.deviceIds, isText),
    servers: table(value.servers, isText),
    keyrings: table(value.keyrings, isKeyringPin),
    heads: table(value.heads, isHeadPin),
    audits: table(value.audits, isHeadPin),
    receiptKeys: table(value.receiptKeys, isText),
    deletions: table(value.deletions, isDeletionPin),
    profiles: table(value.profiles, isText),
  }
}

function noPins(): Pins {
  const empty = { deviceIds: {}, servers: {}, keyrings: {}, heads: {}, audits: {}, profiles: {} }
  return { ...empty, receiptKeys: {}, deletions: {} }
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
 * Moves a head pin forward. An older head leaves it where it is: another process has seen more.
 *
 * @param hashAt - hash (hex) of a commit that this process verified on its way to `head`, where it still knows it
 * @returns whether anything changed
 * @throws ClientError `integrity` when `head` is on another history than the pin
 */
export function advanceHead(
  pins: Pins,
  vault: string,
  head: HeadPin,
  hashAt: (seq: number) => string | undefined = () => undefined,
): boolean {
  return advance(pins.heads, vault, head, { hashAt, forked })
}

/** The same for the head of an account's audit log. @throws ClientError `integrity` */
export function advanceAudit(
  pins: Pins,
  account: string,
  head: HeadPin,
  hashAt: (seq: number) => string | undefined,
): boolean {
  return advance(pins.audits, account, head, { hashAt, forked: auditForked })
}

function advance(
  heads: Record<string, HeadPin>,
  key: string,
  head: HeadPin,
  how: {
    hashAt: (seq: number) => string | undefined
    forked: (known: HeadPin, shown: HeadPin) => ClientError
  },
): boolean {
  const known = heads[key]
  if (known !== undefined && known.seq <= head.seq) {
    const passed = known.seq === head.seq ? head.hash : how.hashAt(known.seq)
    if (passed !== undefined && passed !== known.hash) throw how.forked(known, { seq: known.seq, hash: passed })
  }
  if (known !== undefined && known.seq >= head.seq) return false
  heads[key] = head
  return true
}

/** @throws ClientError `integrity` when the keyring is older than, or differs from, the one seen before */
export function advanceKeyring(pins: Pins, account: string, keyring: KeyringPin): boolean {
  const known = pins.keyrings[account]
  if (known !== undefined && known.version > keyring.version) {
    throw stop('keyring_rolled_back', keyringText(known, keyring, 'an older keyring'), keyringDetails(known, keyring))
  }
  if (known !== undefined && known.version === keyring.version) {
    if (known.hash === keyring.hash) return false
    throw stop('keyring_exchanged', keyringText(known, keyring, 'another keyring'), keyringDetails(known, keyring))
  }
  pins.keyrings[account] = keyring
  return true
}

/** @throws ClientError `integrity` when the server proves another OPAQUE key than at first contact */
export function checkServerKey(pins: Pins, server: string, publicKey: string): void {
  const known = pins.servers[server]
  if (known !== undefined && known !== publicKey) throw integrityError("the server's public key has changed")
}

/** @throws ClientError `integrity` when the server has another key for receipts than at first contact */
export function checkReceiptKey(pins: Pins, server: string, receiptKey: string): void {
  const known = pins.receiptKeys[server]
  if (known !== undefined && known !== receiptKey) throw integrityError("the server's key for receipts has changed")
}

/**
 * The stop for a server that shows less than this device has seen.
 *
 * @param known - what this device has seen, where that can be told
 * @param shown - what the server calls its newest
 */
export function rolledBack(known?: HeadPin, shown?: HeadPin): ClientError {
  const newest = shown === undefined ? 'an older state' : `commit ${shown.seq} as the newest`
  const seen = known === undefined ? 'more' : `commit ${known.seq}`
  return stop(
    'rolled_back',
    `The server shows ${newest}, but this device has seen ${seen}: it was set back to an older backup, or hides changes.`,
    { ...headDetails('known', known), ...headDetails('shown', shown) },
  )
}

/** The stop for a server that shows another history than the one of which this device has seen `known`. */
export function forked(known?: HeadPin, shown?: HeadPin): ClientError {
  const what = shown === undefined ? 'another history' : `another commit ${shown.seq}`
  return stop(
    'forked',
    `The server shows ${what} than this device has seen: it tells different devices different histories, or was set back to an older backup and changed since.`,
    { ...headDetails('known', known), ...headDetails('shown', shown) },
  )
}

/** The stop for a server whose audit log ends before an entry that this device has seen. */
export function auditRolledBack(known: HeadPin, shown: HeadPin): ClientError {
  return stop(
    'audit_rolled_back',
    `The audit log of the server ends at entry ${shown.seq}, but this device has seen entry ${known.seq}: it was set back to an older backup, or hides entries.`,
    { ...headDetails('known', known), ...headDetails('shown', shown) },
  )
}

/** The stop for a server whose audit log holds other entries than this device has seen. */
export function auditForked(known: HeadPin, shown: HeadPin): ClientError {
  return stop(
    'audit_forked',
    'The audit log of the server is another than the one that this device has seen: it was changed, or set back to an older backup.',
    { ...headDetails('known', known), ...headDetails('shown', shown) },
  )
}

/** Why an integrity stop of this file was made; `details.reason` of its error. */
export type PinReason =
  | 'rolled_back'
  | 'forked'
  | 'keyring_rolled_back'
  | 'keyring_exchanged'
  | 'audit_rolled_back'
  | 'audit_forked'

function stop(reason: PinReason, message: string, details: ErrorDetails): ClientError {
  return new ClientError('integrity', message, { details: { reason, ...details } })
}

function headDetails(whose: 'known' | 'shown', head: HeadPin | undefined): ErrorDetails {
  return head === undefined ? {} : { [`${whose}Seq`]: head.seq, [`${whose}Hash`]: head.hash }
}

function keyringText(known: KeyringPin, shown: KeyringPin, what: string): string {
  const versions =
    known.version === shown.version
      ? `version ${known.version}`
      : `version ${shown.version}, this device has seen version ${known.version}`
  return `The server shows ${what} (${versions}): it was set back to an older backup, or someone exchanged it.`
}

function keyringDetails(known: KeyringPin, shown: KeyringPin): ErrorDetails {
  return { knownSeq: known.version, knownHash: known.hash, shownSeq: shown.version, shownHash: shown.hash }
}

function pinsDamaged(cause?: unknown): ClientError {
  const details = { reason: 'pins_damaged' }
  return new ClientError('integrity', 'The pins of this device are damaged.', { cause, details })
}

function table<T>(value: unknown, is: (item: unknown) => item is T): Record<string, T> {
  // Reason for the null prototype: keys such as `__proto__` come from a file.
  const result: Record<string, T> = Object.create(null)
  for (const [key, item] of Object.entries(typeof value === 'object' && value !== null ? value : {})) {
    if (!is(item)) throw pinsDamaged()
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

function isDeletionPin(item: unknown): item is DeletionPin {
  if (typeof item !== 'object' || item === null) return false
  const { server, secret }: Record<string, unknown> = { ...item }
  return isText(server) && isText(secret) && /^[0-9a-f]{64}$/.test(secret)
}

function isPin(item: unknown, number: string): boolean {
  if (typeof item !== 'object' || item === null) return false
  const record: Record<string, unknown> = { ...item }
  return Number.isSafeInteger(record[number]) && typeof record.hash === 'string'
}
