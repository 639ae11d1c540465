import { type KeyContext, KeyManagementError } from '../../ports/index.ts'
import { encodeContext } from './context.ts'

/*
 * [Note: Wrapped by an HSM]  01 ‖ key id(16) ‖ u32 version ‖ nonce(12) ‖ AES-256-GCM(ciphertext ‖ tag(16))
 *
 * AAD = everything before the nonce ‖ the context, sorted, each name and value with its length. Nonces are random: a
 * version of a key is good for 2^32 secrets.
 */
const FORMAT = 1
const HEAD = 21
export const NONCE_LENGTH = 12
const TAG = 16

export interface WrappedParts {
  readonly keyId: string
  readonly version: number
  readonly nonce: Buffer
  readonly ciphertext: Buffer
  readonly aad: Buffer
}

function headOf(keyId: string, version: number): Buffer {
  const head = Buffer.alloc(HEAD)
  head.writeUInt8(FORMAT, 0)
  head.write(keyId, 1, 'hex')
  head.writeUInt32BE(version, 17)
  return head
}

/** @throws KeyManagementError `invalid_ciphertext` */
export function parseWrapped(wrapped: Uint8Array): Omit<WrappedParts, 'aad'> {
  const bytes = Buffer.from(wrapped)
  if (bytes.length < HEAD + NONCE_LENGTH + TAG || bytes[0] !== FORMAT) {
    throw new KeyManagementError('invalid_ciphertext', 'not a wrapped secret of this token')
  }
  return {
    keyId: bytes.toString('hex', 1, 17),
    version: bytes.readUInt32BE(17),
    nonce: bytes.subarray(HEAD, HEAD + NONCE_LENGTH),
    ciphertext: bytes.subarray(HEAD + NONCE_LENGTH),
  }
}

export function associatedData(keyId: string, version: number, context: KeyContext): Buffer {
  return Buffer.concat([headOf(keyId, version), encodeContext(context)])
}

export function joinWrapped(parts: Omit<WrappedParts, 'aad'>): Uint8Array {
  return Buffer.concat([headOf(parts.keyId, parts.version), parts.nonce, parts.ciphertext])
}
