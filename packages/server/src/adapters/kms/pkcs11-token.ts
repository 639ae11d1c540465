import { readFileSync } from 'node:fs'
import type * as Pkcs11 from 'pkcs11js'
import { KeyManagementError } from '../../ports/index.ts'
import type { TokenAddress } from './pkcs11-protocol.ts'

type Handle = Pkcs11.Handle

/** Whoever tried the PIN again would lock the token. */
export class FinalError extends KeyManagementError {}

/** Attributes of a key that the token can change. */
export interface Changes {
  readonly label?: string
  readonly enabled?: boolean
}

/** Secret keys of one token, in one session. Calls block; they run in a process of their own. */
export interface Token {
  /** Keys with this CKA_ID: one, but for a moment after two processes made it at once. */
  find(id: Buffer): Handle[]
  findByLabel(label: string): Handle[]
  read(key: Handle): { id: Buffer; label: string; enabled: boolean }
  change(key: Handle, changes: Changes): void
  generate(id: Buffer, label: string): Handle
  destroy(key: Handle): void
  encrypt(key: Handle, gcm: { nonce: Buffer; aad: Buffer }, plaintext: Uint8Array): Buffer
  /** null: these bytes do not open. */
  decrypt(key: Handle, gcm: { nonce: Buffer; aad: Buffer }, ciphertext: Buffer): Buffer | null
  /** All secret keys, without holding up other calls. */
  all(): AsyncIterable<Handle>
  check(): void
}

const TAG_BITS = 128
const MOST_SAME = 16
const SWEEP_AT_ONCE = 100

/** The name of a PKCS#11 return value: a word of the standard's. */
function wordOf(error: unknown): string {
  const found = error instanceof Error ? /CKR_[A-Z0-9_]+/.exec(`${error.message} ${error.stack ?? ''}`) : null
  return found?.[0] ?? 'CKR_?'
}

function unavailable(line: string, cause?: unknown): KeyManagementError {
  return new KeyManagementError('unavailable', line, { cause })
}

/** What a failure of a call means. */
export function tokenError(error: unknown): KeyManagementError {
  if (error instanceof KeyManagementError) return error
  const word = wordOf(error)
  if (word === 'CKR_KEY_FUNCTION_NOT_PERMITTED') return new KeyManagementError('key_unusable', 'the key is disabled')
  if (word === 'CKR_OBJECT_HANDLE_INVALID' || word === 'CKR_KEY_HANDLE_INVALID') {
    return new KeyManagementError('key_not_found', 'the token has no such key')
  }
  return unavailable(`The HSM cannot be used at the moment (${word}).`, error)
}

/**
 * Loads the vendor's library and logs in.
 *
 * @throws KeyManagementError `unavailable` with one line; FinalError where the PIN is wrong
 */
export async function openToken(address: TokenAddress): Promise<Token> {
  const { default: pkcs11 } = await import('pkcs11js').catch((error: unknown) => {
    throw unavailable('The package pkcs11js is not installed; it is needed for pkcs11: in KMS_URL.', error)
  })
  const library = new pkcs11.PKCS11()
  try {
    library.load(address.modulePath)
  } catch (error) {
    throw unavailable('The module-path of KMS_URL is no PKCS#11 library that can be loaded.', error)
  }
  try {
    library.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK })
  } catch (error) {
    if (wordOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw tokenError(error)
  }
  try {
    const slot = findSlot(pkcs11, library, address.token)
    const open = () => library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION)
    const session = open()
    logIn(pkcs11, library, { slot, session }, readPin(address.pinFile))
    return sessionToken(pkcs11, library, session, open)
  } catch (error) {
    throw tokenError(error)
  }
}

function findSlot(pkcs11: typeof Pkcs11, library: Pkcs11.PKCS11, label: string): Handle {
  const slots = library
    .C_GetSlotList(true)
    .filter((slot) => library.C_GetTokenInfo(slot).label.replaceAll('\0', ' ').trim() === label)
  const [slot, another] = slots
  if (slot === undefined) throw unavailable('No token has the label that KMS_URL names.')
  if (another !== undefined) throw unavailable('More than one token has the label that KMS_URL names.')
  if ((library.C_GetTokenInfo(slot).flags & pkcs11.CKF_USER_PIN_INITIALIZED) === 0) {
    throw unavailable('The token has no user PIN yet.')
  }
  return slot
}

function readPin(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    throw unavailable('The pin-source of KMS_URL cannot be read.', error)
  }
}

function logIn(
  pkcs11: typeof Pkcs11,
  library: Pkcs11.PKCS11,
  place: { readonly slot: Handle; readonly session: Handle },
  pin: string,
): void {
  const { flags } = library.C_GetTokenInfo(place.slot)
  if ((flags & pkcs11.CKF_USER_PIN_LOCKED) !== 0) throw new FinalError('unavailable', 'The PIN of the token is locked.')
  // Reason: a server that is started again and again would use up the tries that are left.
  if ((flags & pkcs11.CKF_USER_PIN_FINAL_TRY) !== 0) {
    const line = 'The token allows one more try of its PIN; log in by hand first, with the right one.'
    throw new FinalError('unavailable', line)
  }
  try {
    library.C_Login(place.session, pkcs11.CKU_USER, pin)
  } catch (error) {
    const word = wordOf(error)
    if (word === 'CKR_USER_ALREADY_LOGGED_IN') return
    if (!word.startsWith('CKR_PIN_')) throw error
    throw new FinalError('unavailable', `The token refuses the PIN of pin-source (${word}); it is not tried again.`)
  }
}

function sessionToken(
  pkcs11: typeof Pkcs11,
  library: Pkcs11.PKCS11,
  session: Handle,
  openAnother: () => Handle,
): Token {
  const secretKeys = [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_TOKEN, value: true },
  ]

  function search(more: Pkcs11.Attribute): Handle[] {
    library.C_FindObjectsInit(session, [...secretKeys, more])
    try {
      return library.C_FindObjects(session, MOST_SAME)
    } finally {
      library.C_FindObjectsFinal(session)
    }
  }

  const mechanism = ({ nonce, aad }: { nonce: Buffer; aad: Buffer }) => ({
    mechanism: pkcs11.CKM_AES_GCM,
    parameter: {
      type: pkcs11.CK_PARAMS_AES_GCM,
      iv: nonce,
      ivBits: nonce.length * 8,
      aad,
      tagBits: TAG_BITS,
    } as Pkcs11.AesGCM,
  })

  function encrypt(key: Handle, gcm: { nonce: Buffer; aad: Buffer }, plaintext: Uint8Array): Buffer {
    library.C_EncryptInit(session, mechanism(gcm), key)
    return Buffer.from(library.C_Encrypt(session, Buffer.from(plaintext), Buffer.alloc(plaintext.length + 64)))
  }

  function tryDecrypt(key: Handle, gcm: { nonce: Buffer; aad: Buffer }, ciphertext: Buffer): Buffer {
    library.C_DecryptInit(session, mechanism(gcm), key)
    const room = Buffer.alloc(ciphertext.length + 64)
    const plaintext = Buffer.from(library.C_Decrypt(session, ciphertext, room))
    room.fill(0)
    return plaintext
  }

  return {
    find: (id) => search({ type: pkcs11.CKA_ID, value: id }),
    findByLabel: (label) => search({ type: pkcs11.CKA_LABEL, value: label }),
    read(key) {
      const values = library.C_GetAttributeValue(session, key, [
        { type: pkcs11.CKA_ID },
        { type: pkcs11.CKA_LABEL },
        { type: pkcs11.CKA_ENCRYPT },
      ])
      const [id, label, enabled] = values.map(({ value }) => Buffer.from(value as Uint8Array))
      return {
        id: id ?? Buffer.alloc(0),
        label: label?.toString('utf8') ?? '',
        enabled: enabled?.[0] === 1,
      }
    },
    change(key, { label, enabled }) {
      library.C_SetAttributeValue(session, key, [
        ...(label === undefined ? [] : [{ type: pkcs11.CKA_LABEL, value: label }]),
        ...(enabled === undefined
          ? []
          : [
              { type: pkcs11.CKA_ENCRYPT, value: enabled },
              { type: pkcs11.CKA_DECRYPT, value: enabled },
            ]),
      ])
    },
    generate: (id, label) =>
      library.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
        ...secretKeys,
        { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
        { type: pkcs11.CKA_VALUE_LEN, value: 32 },
        { type: pkcs11.CKA_ID, value: id },
        { type: pkcs11.CKA_LABEL, value: label },
        { type: pkcs11.CKA_PRIVATE, value: true },
        { type: pkcs11.CKA_SENSITIVE, value: true },
        { type: pkcs11.CKA_EXTRACTABLE, value: false },
        { type: pkcs11.CKA_MODIFIABLE, value: true },
        { type: pkcs11.CKA_ENCRYPT, value: true },
        { type: pkcs11.CKA_DECRYPT, value: true },
        { type: pkcs11.CKA_WRAP, value: false },
        { type: pkcs11.CKA_UNWRAP, value: false },
        { type: pkcs11.CKA_SIGN, value: false },
        { type: pkcs11.CKA_VERIFY, value: false },
        { type: pkcs11.CKA_DERIVE, value: false },
      ]),
    destroy: (key) => library.C_DestroyObject(session, key),
    encrypt,
    decrypt(key, gcm, ciphertext) {
      try {
        return tryDecrypt(key, gcm, ciphertext)
      } catch (error) {
        if (!/^CKR_(ENCRYPTED_DATA|DATA|AEAD|GENERAL|FUNCTION_FAILED)/.test(wordOf(error))) throw error
        // Reason: tokens report a failed tag in many ways, some as a general error. If the key opens what it has just
        // sealed, it is the bytes that are wrong.
        const probe = tryDecrypt(key, gcm, encrypt(key, gcm, Buffer.from('probe')))
        if (probe.toString() !== 'probe') throw error
        return null
      }
    },
    async *all() {
      const own = openAnother()
      try {
        library.C_FindObjectsInit(own, secretKeys)
        for (;;) {
          const keys = library.C_FindObjects(own, SWEEP_AT_ONCE)
          if (keys.length === 0) return
          yield* keys
          await new Promise((resolve) => setImmediate(resolve))
        }
      } finally {
        library.C_CloseSession(own)
      }
    },
    check: () => {
      library.C_GetSessionInfo(session)
      search({ type: pkcs11.CKA_ID, value: Buffer.from('check') })
    },
  }
}
