import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import {
  type KeyContext,
  type KeyManagement,
  KeyManagementError,
  type KeyState,
  MOST_WRAPPED_BYTES,
} from '../../ports/index.ts'
import { encodeContext } from './context.ts'
import {
  createKeyRing,
  type KeyRing,
  keyRingStamp,
  readKeyRing,
  type StoredKey,
  withKeyRingLock,
  writeKeyRing,
} from './key-ring-file.ts'

/*
 * [Note: Wrapped form]  01 ‖ key id(16) ‖ u32 version ‖ salt(32) ‖ AES-256-GCM(ciphertext ‖ tag(16))
 *
 * Each message has a key of its own, HKDF-SHA-256(material, salt, "strongroom/key-file"), so that a nonce of zeros
 * is used once. AAD = everything before the ciphertext ‖ the context, sorted, each name and value with its length.
 */
const FORMAT = 1
const HEAD = 1 + 16 + 4 + 32
const TAG = 16
const DAY_MS = 24 * 60 * 60 * 1000

/** Runs `use` with the key of one message, which is wiped afterwards. */
function withMessageKey<T>(material: string, salt: Uint8Array, use: (key: Buffer) => T): T {
  const root = Buffer.from(material, 'base64')
  const key = Buffer.from(hkdfSync('sha256', root, salt, 'strongroom/key-file', 32))
  try {
    return use(key)
  } finally {
    key.fill(0)
    root.fill(0)
  }
}

function sealUnder(key: StoredKey, plaintext: Uint8Array, context: KeyContext): Uint8Array {
  if (plaintext.length > MOST_WRAPPED_BYTES) throw new RangeError(`at most ${MOST_WRAPPED_BYTES} bytes can be wrapped`)
  const head = Buffer.alloc(HEAD)
  head.writeUInt8(FORMAT, 0)
  head.write(key.id, 1, 'hex')
  head.writeUInt32BE(key.versions.length, 17)
  const salt = randomBytes(32)
  head.set(salt, 21)
  const material = key.versions[key.versions.length - 1] ?? ''
  return withMessageKey(material, salt, (messageKey) => {
    const cipher = createCipheriv('aes-256-gcm', messageKey, Buffer.alloc(12))
    cipher.setAAD(Buffer.concat([head, encodeContext(context)]))
    return Buffer.concat([head, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  })
}

/** Key id and version that a wrapped secret names. */
function parseHead(wrapped: Buffer): { keyId: string; version: number } {
  if (wrapped.length < HEAD + TAG || wrapped[0] !== FORMAT) {
    throw new KeyManagementError('invalid_ciphertext', 'not a wrapped secret of this key file')
  }
  return { keyId: wrapped.toString('hex', 1, 17), version: wrapped.readUInt32BE(17) }
}

function openUnder(material: string, wrapped: Buffer, context: KeyContext): Uint8Array {
  return withMessageKey(material, wrapped.subarray(21, HEAD), (messageKey) => {
    const decipher = createDecipheriv('aes-256-gcm', messageKey, Buffer.alloc(12), { authTagLength: TAG })
    decipher.setAAD(Buffer.concat([wrapped.subarray(0, HEAD), encodeContext(context)]))
    decipher.setAuthTag(wrapped.subarray(wrapped.length - TAG))
    const plaintext = decipher.update(wrapped.subarray(HEAD, wrapped.length - TAG))
    try {
      decipher.final()
      return Uint8Array.from(plaintext)
    } catch {
      throw new KeyManagementError('invalid_ciphertext', 'the wrapped secret or its context was changed')
    } finally {
      plaintext.fill(0)
    }
  })
}

function findKey(ring: KeyRing, keyId: string): StoredKey {
  const key = ring.keys.find(({ id }) => id === keyId)
  if (key === undefined) throw new KeyManagementError('key_not_found', 'the key file has no such key')
  return key
}

function usableKey(ring: KeyRing, keyId: string): StoredKey {
  const key = findKey(ring, keyId)
  if (key.state !== 'enabled') throw new KeyManagementError('key_unusable', `the key is ${key.state.replace('_', ' ')}`)
  return key
}

/** Destroys what is due. */
function destroyDue(ring: KeyRing, nowMs: number): void {
  const due = ring.keys.filter((key) => key.state === 'pending_destruction' && (key.destroyAtMs ?? nowMs) <= nowMs)
  for (const key of due) {
    key.state = 'destroyed'
    key.versions = []
  }
}

function addKey(ring: KeyRing, nowMs: number, name: string | null = null): StoredKey {
  const key: StoredKey = {
    id: randomBytes(16).toString('hex'),
    ...(name === null ? {} : { name }),
    createdMs: nowMs,
    state: 'enabled',
    destroyAtMs: null,
    versions: [randomBytes(32).toString('base64')],
  }
  ring.keys.push(key)
  return key
}

/**
 * Opens the key service kept in one file, mode 0600, creating it at the first start. It keeps AWS KMS's semantics.
 * Several servers may share the file: what one changes holds for all at once.
 *
 * @throws KeyManagementError `unavailable` with one line where the file cannot be used
 */
export async function openKeyFile(options: { file: string; clock: { nowMs(): number } }): Promise<KeyManagement> {
  const { clock } = options
  if ((await readKeyRing(options.file)) === null) {
    await createKeyRing(options.file).catch((error: unknown) => {
      throw new KeyManagementError('unavailable', `The key file ${options.file} cannot be created.`, { cause: error })
    })
  }
  // Reason: through a symbolic link a change would put a file in the place of the link, and servers that reach one file
  // by two names would not see each other's lock.
  const file = await realpath(options.file).catch((error: unknown) => {
    throw new KeyManagementError('unavailable', `The key file ${options.file} cannot be created.`, { cause: error })
  })
  let ring: KeyRing = { version: 1, about: '', currentKeyId: null, keys: [] }
  let stamp: string | null = null
  let queue: Promise<unknown> = Promise.resolve()

  async function load(): Promise<KeyRing> {
    const loaded = await readKeyRing(file)
    if (loaded === null)
      throw new KeyManagementError('unavailable', `The key file ${file} is gone; put its backup back.`)
    return loaded
  }

  /** Changes the file, one change at a time; memory follows only after the file is durable. */
  function change<T>(apply: (draft: KeyRing) => T): Promise<T> {
    const next = queue.then(() =>
      withKeyRingLock(file, async () => {
        const read = await keyRingStamp(file)
        const draft = await load()
        const before = JSON.stringify(draft)
        destroyDue(draft, clock.nowMs())
        const result = apply(draft)
        if (JSON.stringify(draft) !== before) {
          await writeKeyRing(file, draft, read).catch((error: unknown) => {
            throw new KeyManagementError('unavailable', `The key file ${file} cannot be written.`, { cause: error })
          })
        }
        stamp = await keyRingStamp(file)
        ring = draft
        return result
      }),
    )
    queue = next.catch(() => undefined)
    return next
  }

  /** The keys as the file has them now, what is due destroyed. */
  async function current(): Promise<KeyRing> {
    const found = await keyRingStamp(file)
    if (found !== stamp) {
      ring = await load()
      stamp = found
    }
    const now = clock.nowMs()
    const due = ring.keys.some((key) => key.state === 'pending_destruction' && (key.destroyAtMs ?? now) <= now)
    if (due) await change(() => undefined)
    return ring
  }

  async function unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
    const bytes = Buffer.from(wrapped)
    const { keyId, version } = parseHead(bytes)
    const material = usableKey(await current(), keyId).versions[version - 1]
    if (material === undefined) throw new KeyManagementError('invalid_ciphertext', 'the key has no such version')
    return openUnder(material, bytes, context)
  }

  async function wrap(keyId: string, plaintext: Uint8Array, context: KeyContext): Promise<Uint8Array> {
    return sealUnder(usableKey(await current(), keyId), plaintext, context)
  }

  function setState(keyId: string, state: 'enabled' | 'disabled'): Promise<void> {
    return change((draft) => {
      const key = findKey(draft, keyId)
      if (key.state === 'pending_destruction' || key.state === 'destroyed') usableKey(draft, keyId)
      key.state = state
    })
  }

  await current()
  return {
    kind: 'file',
    currentKeyId: async () => {
      const { currentKeyId } = await current()
      if (currentKeyId !== null) return currentKeyId
      return change((draft) => {
        draft.currentKeyId ??= addKey(draft, clock.nowMs()).id
        return draft.currentKeyId
      })
    },
    setCurrentKey: (keyId) =>
      change((draft) => {
        draft.currentKeyId = usableKey(draft, keyId).id
      }),
    createKey: async (name) => {
      if (name === undefined) return change((draft) => addKey(draft, clock.nowMs()).id)
      const known = (await current()).keys.find((key) => key.name === name)
      if (known !== undefined) return known.id
      return change((draft) => (draft.keys.find((key) => key.name === name) ?? addKey(draft, clock.nowMs(), name)).id)
    },
    keyIdOf: (wrapped) => parseHead(Buffer.from(wrapped)).keyId,
    wrap,
    unwrap,
    reEncrypt: async (wrapped, context, toKeyId) => {
      const plaintext = await unwrap(wrapped, context)
      try {
        return await wrap(toKeyId, plaintext, context)
      } finally {
        plaintext.fill(0)
      }
    },
    disable: (keyId) => setState(keyId, 'disabled'),
    enable: (keyId) => setState(keyId, 'enabled'),
    scheduleDestruction: async (keyId, days) => {
      if (!Number.isInteger(days) || days < 7 || days > 30) throw new RangeError('days must be 7 … 30')
      return change((draft) => {
        const key = findKey(draft, keyId)
        if (key.state === 'pending_destruction' || key.state === 'destroyed') usableKey(draft, keyId)
        key.state = 'pending_destruction'
        key.destroyAtMs = clock.nowMs() + days * DAY_MS
        return key.destroyAtMs
      })
    },
    rotate: (keyId) =>
      change((draft) => {
        usableKey(draft, keyId).versions.push(randomBytes(32).toString('base64'))
      }),
    keyState: async (keyId): Promise<KeyState> => {
      return findKey(await current(), keyId).state
    },
    check: async () => {
      await load()
    },
    close: async () => {
      await queue
    },
  }
}
