import { createHash, randomBytes } from 'node:crypto'
import type { Handle } from 'pkcs11js'
import { KeyManagementError, type KeyState } from '../../ports/index.ts'
import type { TokenCalls } from './pkcs11-protocol.ts'
import type { Token } from './pkcs11-token.ts'
import { associatedData, joinWrapped, NONCE_LENGTH, parseWrapped } from './pkcs11-wrapped.ts'

/*
 * [Note: Keys on a token]  A version of a key is a secret key whose CKA_ID is key id(16) ‖ u32 version. Version 1 says how
 * the key is, in what tokens let be changed:
 *
 *   CKA_LABEL  LABEL               the current key
 *              LABEL/key           another key
 *              LABEL/destroy/MS    to be destroyed then, by whichever server looks
 *   CKA_ENCRYPT, CKA_DECRYPT       false: disabled, so that the token itself refuses
 *
 * Further versions have LABEL/version. A key with a name has an id that follows from it. Tokens know no "make unless it
 * is there": who has made a key that is there twice destroys its own and looks again, so that one is left.
 */
const MOST_TRIES = 50
const MOST_VERSIONS = 10_000

const sleep = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

function objectId(keyId: string, version: number): Buffer {
  const id = Buffer.alloc(20)
  id.write(keyId, 0, 'hex')
  id.writeUInt32BE(version, 16)
  return id
}

function notFound(): KeyManagementError {
  return new KeyManagementError('key_not_found', 'the token has no such key')
}

/** What can be asked of the keys of a token whose labels begin with `object`. */
export function tokenKeys(token: Token, object: string): Omit<TokenCalls, 'connect'> {
  const labels = { current: object, other: `${object}/key`, version: `${object}/version`, doomed: `${object}/destroy/` }

  /** Makes a key object unless it is there. */
  function generateOnce(id: Buffer, label: string): void {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      if (token.find(id).length > 0) return
      const own = token.generate(id, label)
      if (token.find(id).length === 1) return
      token.destroy(own)
      sleep(1 + Math.floor(Math.random() * 20))
    }
    throw new KeyManagementError('unavailable', 'the token does not settle on one of two keys made at once')
  }

  function requireHead(keyId: string): Handle {
    if (!/^[0-9a-f]{32}$/.test(keyId)) throw notFound()
    const [head] = token.find(objectId(keyId, 1))
    if (head === undefined) throw notFound()
    return head
  }

  function versionsOf(keyId: string): Handle[] {
    const found: Handle[] = []
    for (let version = 1; version <= MOST_VERSIONS; version += 1) {
      const keys = token.find(objectId(keyId, version))
      if (keys.length === 0) break
      found.push(...keys)
    }
    return found
  }

  function destroy(keyId: string): void {
    // The first version goes last: while it is there, whoever looks goes on with this.
    for (const key of versionsOf(keyId).reverse()) token.destroy(key)
  }

  function keyState(keyId: string, nowMs: number): KeyState {
    const { label, enabled } = token.read(requireHead(keyId))
    if (label.startsWith(labels.doomed)) {
      if (Number(label.slice(labels.doomed.length)) > nowMs) return 'pending_destruction'
      destroy(keyId)
      return 'destroyed'
    }
    return enabled ? 'enabled' : 'disabled'
  }

  function requireState(keyId: string, nowMs: number, allowed: readonly KeyState[]): Handle {
    const state = keyState(keyId, nowMs)
    if (!allowed.includes(state)) throw new KeyManagementError('key_unusable', `the key is ${state.replace('_', ' ')}`)
    return requireHead(keyId)
  }

  function newestVersion(keyId: string): number {
    let version = 1
    while (version < MOST_VERSIONS && token.find(objectId(keyId, version + 1)).length > 0) version += 1
    return version
  }

  const calls: Omit<TokenCalls, 'connect'> = {
    currentKeyId() {
      const [id] = token
        .findByLabel(labels.current)
        .map((key) => token.read(key).id.toString('hex', 0, 16))
        .sort()
      if (id !== undefined) return id
      const first = calls.createKey('first')
      const head = requireHead(first)
      if (token.read(head).label === labels.other) token.change(head, { label: labels.current })
      return first
    },
    setCurrentKey(keyId, nowMs) {
      token.change(requireState(keyId, nowMs, ['enabled', 'disabled']), { label: labels.current })
      for (const other of token.findByLabel(labels.current)) {
        if (token.read(other).id.toString('hex', 0, 16) !== keyId) token.change(other, { label: labels.other })
      }
    },
    createKey(name) {
      const id =
        name === null
          ? randomBytes(16)
          : createHash('sha256').update(`strongroom/pkcs11-key\0${object}\0${name}`).digest().subarray(0, 16)
      const keyId = id.toString('hex')
      generateOnce(objectId(keyId, 1), labels.other)
      return keyId
    },
    wrap(keyId, plaintext, context, nowMs) {
      requireState(keyId, nowMs, ['enabled'])
      const version = newestVersion(keyId)
      const [key] = token.find(objectId(keyId, version))
      if (key === undefined) throw notFound()
      const nonce = randomBytes(NONCE_LENGTH)
      const ciphertext = token.encrypt(key, { nonce, aad: associatedData(keyId, version, context) }, plaintext)
      return joinWrapped({ keyId, version, nonce, ciphertext })
    },
    unwrap(wrapped, context, nowMs) {
      const { keyId, version, nonce, ciphertext } = parseWrapped(wrapped)
      requireState(keyId, nowMs, ['enabled'])
      const aad = associatedData(keyId, version, context)
      for (const key of token.find(objectId(keyId, version))) {
        const plaintext = token.decrypt(key, { nonce, aad }, ciphertext)
        if (plaintext !== null) return plaintext
      }
      throw new KeyManagementError('invalid_ciphertext', 'the wrapped secret or its context was changed')
    },
    reEncrypt(wrapped, context, toKeyId, nowMs) {
      const plaintext = calls.unwrap(wrapped, context, nowMs)
      try {
        return calls.wrap(toKeyId, plaintext, context, nowMs)
      } finally {
        plaintext.fill(0)
      }
    },
    setEnabled(keyId, enabled, nowMs) {
      requireState(keyId, nowMs, ['enabled', 'disabled'])
      // The first version says how the key is: it is the first to be disabled, and the last to be enabled.
      const versions = versionsOf(keyId)
      for (const key of enabled ? versions.reverse() : versions) token.change(key, { enabled })
    },
    scheduleDestruction(keyId, atMs, nowMs) {
      const head = requireState(keyId, nowMs, ['enabled', 'disabled'])
      token.change(head, { label: `${labels.doomed}${atMs}`, enabled: false })
      for (const key of versionsOf(keyId).slice(1)) token.change(key, { enabled: false })
    },
    rotate(keyId, nowMs) {
      requireState(keyId, nowMs, ['enabled'])
      generateOnce(objectId(keyId, newestVersion(keyId) + 1), labels.version)
    },
    keyState,
    async sweep(nowMs) {
      const due: string[] = []
      for await (const key of token.all()) {
        const { id, label } = token.read(key)
        if (label.startsWith(labels.doomed) && Number(label.slice(labels.doomed.length)) <= nowMs) {
          due.push(id.toString('hex', 0, 16))
        }
      }
      for (const keyId of due) destroy(keyId)
    },
    check: () => token.check(),
  }
  return calls
}
