import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyManagement } from '../../../packages/server/src/ports/index.ts'

export interface KeysUnderTest {
  readonly keys: KeyManagement
  /** The same keys, opened anew as after a restart. */
  reopen(): Promise<KeyManagement>
  /** Moves the service's clock forward. */
  advance(ms: number): void
  /** Ways in which the service can be away, each from `begin` to `end`. */
  readonly outages: readonly Outage[]
  dispose(): Promise<void>
}

export interface Outage {
  readonly name: string
  begin(): Promise<void>
  end(): Promise<void>
}

/** Longest that a caller may wait for the word that the service is away. */
const AWAY_MS = 6_000

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

    it('gives servers that race at the very first start one current key', async () => {
      const servers = await Promise.all([1, 2, 3].map(() => tested.reopen()))
      await Promise.all(servers.map((server) => server.currentKeyId()))
      const ids = await Promise.all(servers.map((server) => server.currentKeyId()))
      expect(new Set(ids).size).toBe(1)
      await Promise.all(servers.map((server) => server.close()))
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

    it('serves many callers at once', async () => {
      const keyId = await keys.currentKeyId()
      const secrets = Array.from({ length: 100 }, () => randomBytes(32))
      const opened = await Promise.all(
        secrets.map(async (secret, index) => {
          const context = { ...CONTEXT, version: String(index + 1) }
          return keys.unwrap(await keys.wrap(keyId, secret, context), context)
        }),
      )
      expect(opened.map((bytes) => Buffer.from(bytes))).toEqual(secrets)
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
      const elsewhere = await keys.createKey()
      await expect(keys.reEncrypt(wrapped, CONTEXT, elsewhere)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect((await tested.reopen()).unwrap(wrapped, CONTEXT)).rejects.toMatchObject({ code: 'key_unusable' })
      await expect(keys.rotate(keyId)).rejects.toMatchObject({ code: 'key_unusable' })
      await keys.enable(keyId)
      await keys.unwrap(wrapped, CONTEXT)
    })

    it('refuses a key that awaits destruction at once, and for good when its time has come', async () => {
      const keyId = await keys.createKey()
      const wrapped = await keys.wrap(keyId, randomBytes(32), CONTEXT)
      for (const days of [6, 31, 7.5]) await expect(keys.scheduleDestruction(keyId, days)).rejects.toThrow()
      const atMs = await keys.scheduleDestruction(keyId, 7)
      const days = (atMs - Date.now()) / DAY_MS
      expect(days).toBeGreaterThan(6.9)
      expect(days).toBeLessThan(8.1)
      expect(await keys.keyState(keyId)).toBe('pending_destruction')
      const refused = [
        () => keys.wrap(keyId, randomBytes(32), CONTEXT),
        () => keys.unwrap(wrapped, CONTEXT),
        async () => keys.reEncrypt(wrapped, CONTEXT, await keys.currentKeyId()),
        () => keys.enable(keyId),
        () => keys.disable(keyId),
        () => keys.rotate(keyId),
        () => keys.scheduleDestruction(keyId, 7),
      ]
      for (const call of refused) await expect(call()).rejects.toMatchObject({ code: 'key_unusable' })
      tested.advance(7 * DAY_MS)
      // A service may forget a key that it has destroyed.
      const gone = expect.stringMatching(/^(key_unusable|key_not_found)$/)
      for (const call of refused) await expect(call()).rejects.toHaveProperty('code', gone)
      for (const service of [keys, await tested.reopen()]) {
        const state = await service.keyState(keyId).catch((error: unknown) => (error as { code?: string }).code)
        expect(state).toMatch(/^(destroyed|key_not_found)$/)
      }
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

    it('says in time that it is away, in whatever way, and works again by itself', async () => {
      const keyId = await keys.createKey()
      const secret = randomBytes(32)
      const wrapped = await keys.wrap(keyId, secret, CONTEXT)
      for (const outage of tested.outages) {
        await outage.begin()
        const startMs = performance.now()
        const calls = [
          keys.wrap(keyId, secret, CONTEXT),
          keys.unwrap(wrapped, CONTEXT),
          keys.reEncrypt(wrapped, CONTEXT, keyId),
          keys.check(),
        ]
        const results = await Promise.allSettled(calls)
        await outage.end()
        for (const result of results) {
          expect(result, outage.name).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } })
        }
        expect(performance.now() - startMs, outage.name).toBeLessThan(AWAY_MS)
        const again = () => keys.unwrap(wrapped, CONTEXT).then((bytes) => Buffer.from(bytes).equals(secret), String)
        await expect.poll(again, { timeout: AWAY_MS }).toBe(true)
      }
    })
  })
}
