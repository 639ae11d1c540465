import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyManagement } from '../../../packages/server/src/ports/index.ts'

export interface KeysUnderTest {
  readonly keys: KeyManagement
  /** The same keys, opened anew as after a restart. */
  reopen(): Promise<KeyManagement>
  /** Moves the service's clock forward. */
  advance(ms: number): void
  dispose(): Promise<void>
}

const DAY_MS = 24 * 60 * 60 * 1000
const CONTEXT = { purpose: 'outer-key', account: 'a1', version: '1' }

/** What every key service must do; each adapter's own test is a call of this. */
export function keyManagementContract(name: string, open: () => Promise<KeysUnderTest>): void {
  describe(`key management contract: ${name}`, () => {
    let tested: KeysUnderTest
    let keys: KeyManagement

    beforeAll(async () => {
      tested = await open()
      keys = tested.keys
    })
    afterAll(async () => {
      await tested.dispose()
    })

    it('unwraps what it wrapped, also after a restart', async () => {
      const keyId = await keys.currentKeyId()
      const secret = randomBytes(32)
      const wrapped = await keys.wrap(keyId, secret, CONTEXT)
      expect(Buffer.from(wrapped).includes(secret)).toBe(false)
      expect(Buffer.from(await keys.unwrap(wrapped, CONTEXT))).toEqual(secret)
      const reopened = await tested.reopen()
      expect(await reopened.currentKeyId()).toBe(keyId)
      expect(Buffer.from(await reopened.unwrap(wrapped, CONTEXT))).toEqual(secret)
    })

    it('wraps from 1 to 4,096 bytes', async () => {
      const keyId = await keys.currentKeyId()
      for (const length of [1, 4096]) {
        const secret = randomBytes(length)
        const wrapped = await keys.wrap(keyId, secret, CONTEXT)
        expect(Buffer.from(await keys.unwrap(wrapped, CONTEXT))).toEqual(secret)
      }
      await expect(keys.wrap(keyId, randomBytes(4097), CONTEXT)).rejects.toThrow()
    })

    it('gives all callers that race at the first start one current key', async () => {
      const ids = await Promise.all(Array.from({ length: 6 }, () => keys.currentKeyId()))
      expect(new Set(ids).size).toBe(1)
    })

    it('refuses every other context, in whatever order the right one is given', async () => {
      const wrapped = await keys.wrap(await keys.currentKeyId(), randomBytes(32), CONTEXT)
      await keys.unwrap(wrapped, { version: '1', account: 'a1', purpose: 'outer-key' })
      const { version: _, ...fewer } = CONTEXT
      for (const context of [
        fewer,
        { ...CONTEXT, version: '2' },
        { ...CONTEXT, more: '' },
        { purpose: 'outer-keyaccount', account: 'a1', version: '1' },
      ]) {
        await expect(keys.unwrap(wrapped, context)).rejects.toMatchObject({ code: 'invalid_ciphertext' })
      }
    })

    it('refuses wrapped bytes with any single byte changed, cut or lengthened', async () => {
      const wrapped = Buffer.from(await keys.wrap(await keys.currentKeyId(), randomBytes(32), CONTEXT))
      for (let at = 0; at < wrapped.length; at += 1) {
        const changed = Buffer.from(wrapped)
        changed.writeUInt8((changed[at] ?? 0) ^ 1, at)
        await expect(keys.unwrap(changed, CONTEXT)).rejects.toHaveProperty(
          'code',
          expect.stringMatching(/^(invalid_ciphertext|key_not_found)$/),
        )
      }
      for (const changed of [wrapped.subarray(0, -1), Buffer.concat([wrapped, Buffer.alloc(1)]), Buffer.alloc(0)]) {
        await expect(keys.unwrap(changed, CONTEXT)).rejects.toMatchObject({ code: 'invalid_ciphertext' })
      }
    })

    it('never wraps the same secret to the same bytes', async () => {
      const keyId = await keys.currentKeyId()
      const secret = randomBytes(32)
      const first = await keys.wrap(keyId, secret, CONTEXT)
      expect(Buffer.from(await keys.wrap(keyId, secret, CONTEXT))).not.toEqual(Buffer.from(first))
    })

    it('re-encrypts to another key, after which the old one is not needed', async () => {
      const [from, to] = [await keys.createKey(), await keys.createKey()]
      const secret = randomBytes(32)
      const moved = await keys.reEncrypt(await keys.wrap(from, secret, CONTEXT), CONTEXT, to)
      await keys.disable(from)
      expect(Buffer.from(await keys.unwrap(moved, CONTEXT))).toEqual(secret)
      const wrapped = await keys.wrap(to, secret, CONTEXT)
      await expect(keys.reEncrypt(wrapped, { purpose: 'other' }, to)).rejects.toMatchObject({
        code: 'invalid_ciphertext',
      })
      await expect(keys.reEncrypt(wrapped, CONTEXT, from)).rejects.toMatchObject({ code: 'key_unusable' })
    })

    it('unwraps what earlier versions wrapped after a rotation', async () => {
      const keyId = await keys.createKey()
      const secrets = [randomBytes(32), randomBytes(32), randomBytes(32)]
      const wrapped: Uint8Array[] = []
      for (const secret of secrets) {
        wrapped.push(await keys.wrap(keyId, secret, CONTEXT))
        await keys.rotate(keyId)
      }
      const reopened = await tested.reopen()
      for (const [index, secret] of secrets.entries()) {
        expect(Buffer.from(await reopened.unwrap(wrapped[index] ?? new Uint8Array(), CONTEXT))).toEqual(secret)
      }
    })

    it('refuses a disabled key until it is enabled again', async () => {
      const keyId = await keys.createKey()
      const wrapped = await keys.wrap(keyId, randomBytes(32), CONTEXT)
      await keys.disable(keyId)
      expect(await keys.keyState(keyId)).toBe('disabled')
      await expect(keys.wrap(keyId, randomBytes(32), CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect(keys.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect(keys.rotate(keyId)).rejects.toMatchObject({ code: 'key_unusable' })
      await keys.enable(keyId)
      await keys.unwrap(wrapped, CONTEXT)
    })

    it('refuses a key that awaits destruction at once, and for good when its time has come', async () => {
      const keyId = await keys.createKey()
      const wrapped = await keys.wrap(keyId, randomBytes(32), CONTEXT)
      for (const days of [6, 31, 7.5]) await expect(keys.scheduleDestruction(keyId, days)).rejects.toThrow()
      const atMs = await keys.scheduleDestruction(keyId, 7)
      expect(atMs).toBeGreaterThan(0)
      expect(await keys.keyState(keyId)).toBe('pending_destruction')
      await expect(keys.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect(keys.enable(keyId)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect(keys.scheduleDestruction(keyId, 7)).rejects.toMatchObject({ code: 'key_unusable' })
      tested.advance(7 * DAY_MS)
      expect(await keys.keyState(keyId)).toBe('destroyed')
      await expect(keys.unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      expect(await (await tested.reopen()).keyState(keyId)).toBe('destroyed')
    })

    it('keeps a disabled key current, so that an operator is not gone around, until another is made current', async () => {
      const before = await keys.currentKeyId()
      await keys.disable(before)
      expect(await keys.currentKeyId()).toBe(before)
      await expect(keys.wrap(before, randomBytes(32), CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      const after = await keys.createKey()
      await keys.setCurrentKey(after)
      await keys.setCurrentKey(after)
      expect(await keys.currentKeyId()).toBe(after)
      expect(await (await tested.reopen()).currentKeyId()).toBe(after)
      await keys.wrap(after, randomBytes(32), CONTEXT)
    })

    it('makes a key with a name once, also for callers that race', async () => {
      const name = `user-${randomBytes(16).toString('hex')}`
      const ids = await Promise.all(Array.from({ length: 4 }, () => keys.createKey(name)))
      expect(new Set(ids).size).toBe(1)
      expect(await (await tested.reopen()).createKey(name)).toBe(ids[0])
      expect(await keys.createKey(`${name}-2`)).not.toBe(ids[0])
    })

    it('says of wrapped bytes which key they need', async () => {
      const keyId = await keys.createKey()
      expect(keys.keyIdOf(await keys.wrap(keyId, randomBytes(32), CONTEXT))).toBe(keyId)
      for (const bytes of [Buffer.alloc(0), Buffer.alloc(200, 7)]) {
        expect(() => keys.keyIdOf(bytes)).toThrow(expect.objectContaining({ code: 'invalid_ciphertext' }))
      }
    })

    it('says which key it does not know', async () => {
      const unknown = randomBytes(16).toString('hex')
      await expect(keys.wrap(unknown, randomBytes(32), CONTEXT)).rejects.toMatchObject({ code: 'key_not_found' })
      await expect(keys.disable(unknown)).rejects.toMatchObject({ code: 'key_not_found' })
      await expect(keys.keyState(unknown)).rejects.toMatchObject({ code: 'key_not_found' })
    })

    it('says that it is usable', async () => {
      await keys.check()
    })
  })
}
