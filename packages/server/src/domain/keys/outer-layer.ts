import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Random } from '../../ports/index.ts'
import { ServerError } from '../errors.ts'

/** Tables whose rows carry the outer layer. No name is the beginning of another (a test holds this). */
export const OUTER_TABLES = [
  'envelopes',
  'keyrings',
  'wraps',
  'checkpoints',
  'login-states',
  'login-tickets',
  'session-halves',
  'totp',
] as const
export type OuterTable = (typeof OUTER_TABLES)[number]

const VERSION = 1
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
/** Bytes that the outer layer adds. */
export const OUTER_OVERHEAD = 1 + NONCE_LENGTH + TAG_LENGTH

/** The row that sealed bytes belong to; bytes moved to another row do not open. */
export interface OuterPlace {
  readonly table: OuterTable
  /** The row's id: its fixed-length key columns, one after the other. */
  readonly rowId: Uint8Array
  /** Account whose outer key seals; 16 zero bytes for what belongs to the server. */
  readonly owner: Uint8Array
}

function associatedData(place: OuterPlace): Uint8Array {
  return Buffer.concat([Buffer.from(place.table, 'utf8'), place.rowId, place.owner, Buffer.of(VERSION)])
}

/**
 * Adds the outer layer: `version(1) ‖ nonce(12) ‖ AES-256-GCM`, AAD `table ‖ row id ‖ owner ‖ version`.
 *
 * @see spec/keys.md, outer layer
 */
export function sealOuter(random: Random, key: KeyObject, place: OuterPlace, plaintext: Uint8Array): Uint8Array {
  const nonce = random.bytes(NONCE_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(associatedData(place))
  return Buffer.concat([Buffer.of(VERSION), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/**
 * Removes the outer layer.
 *
 * @throws ServerError `stored_data_damaged` when the bytes were changed, moved from another row or sealed under another key
 */
export function openOuter(key: KeyObject, place: OuterPlace, sealed: Uint8Array): Uint8Array {
  if (sealed.length < OUTER_OVERHEAD || sealed[0] !== VERSION) throw new ServerError('stored_data_damaged')
  const tagStart = sealed.length - TAG_LENGTH
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_LENGTH))
  decipher.setAAD(associatedData(place))
  decipher.setAuthTag(sealed.subarray(tagStart))
  const head = decipher.update(sealed.subarray(1 + NONCE_LENGTH, tagStart))
  try {
    return Buffer.concat([head, decipher.final()])
  } catch (cause) {
    throw new ServerError('stored_data_damaged', { cause })
  }
}
