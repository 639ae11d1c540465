import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyManagement, KeyManagementError } from '../../ports/index.ts'
import { logIn, registerAccount, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { type KmsRotationDeps, resumeKmsRotation, rotateKmsKey, unfinishedRotation } from './kms-rotation.ts'
import { destroyRetiredKeys, readKmsStatus } from './kms-status.ts'
import { ensureOwnKey } from './rotate-outer.ts'
import { loadServerSetup } from './server-setup.ts'
import { destroyDoomedKeys, destroyOuterKeys } from './shred.ts'

const DAY_MS = 24 * 60 * 60 * 1000
let server: TestServer
let accounts: TestAccount[]
beforeAll(async () => {
  server = await createTestServer()
  accounts = []
  for (let at = 0; at < 5; at += 1) accounts.push(await registerAccount(server))
})
afterAll(() => server.close())

const step = async () => undefined
const pause = async () => undefined
const options = { step, pause, perSecond: 1e6 }

function withKeys(changes: Partial<KeyManagement>): KmsRotationDeps {
  return { ...server, keys: { ...server.keys, ...changes } }
}

async function allOpen(): Promise<void> {
  server.outer.clear()
  for (const account of accounts) expect((await account.ask('account', {})).code).toBe('ok')
}

async function status() {
  return readKmsStatus(server)
}

async function currentKey(): Promise<string> {
  return (await status()).sharedKeys.find((key) => key.use === 'current')?.id ?? ''
}

describe('rotation of the shared key', () => {
  it('moves every outer key and the setup; the old key can then be destroyed, and everything still opens', async () => {
    const old = await currentKey()
    const result = await rotateKmsKey(server, options)
    expect(result).toMatchObject({ moved: 5, left: 0, failed: 0 })
    const after = await status()
    expect(after.rotation).toBeNull()
    expect(after.sharedKeys).toMatchObject([
      { id: old, use: 'retired', outerKeys: 0, setup: false },
      { id: result?.toKey, use: 'current', outerKeys: 5, setup: true },
    ])
    expect(await server.keys.currentKeyId()).toBe(result?.toKey)
    const destroyed = await destroyRetiredKeys(server, 8)
    expect(destroyed.map((key) => key.keyId)).toEqual([old])
    expect((await status()).sharedKeys[0]).toMatchObject({ use: 'ended', state: 'pending_destruction' })
    server.clock.advance(8 * DAY_MS)
    expect((await status()).sharedKeys[0]).toMatchObject({ state: 'destroyed' })
    await allOpen()
    const setup = await loadServerSetup(server)
    expect(setup.serverIdentifier).toBe(server.setup.serverIdentifier)
    const [ann] = accounts
    if (ann !== undefined) expect((await logIn(server, ann.login, ann.password)).code).toBe('ok')
    accounts.push(await registerAccount(server))
  })

  it('goes on from any point at which it died, with the same new key', async () => {
    const toKeys = new Set<string>()
    let calls = 0
    for (let allowed = 0; ; allowed += 1) {
      calls = 0
      const dying = async <T>(call: () => Promise<T>): Promise<T> => {
        calls += 1
        if (calls > allowed) throw new Error('killed')
        return call()
      }
      const deps = withKeys({
        createKey: (name) => dying(() => server.keys.createKey(name)),
        setCurrentKey: (keyId) => dying(() => server.keys.setCurrentKey(keyId)),
        reEncrypt: (wrapped, context, to) => dying(() => server.keys.reEncrypt(wrapped, context, to)),
      })
      const result = await rotateKmsKey(deps, options).catch(() => null)
      await allOpen()
      if (result !== null) {
        toKeys.add(result.toKey)
        expect(result).toMatchObject({ left: 0, failed: 0 })
        break
      }
      const unfinished = await unfinishedRotation(server.database)
      if (unfinished?.toKey) toKeys.add(unfinished.toKey)
    }
    expect(toKeys.size).toBe(1)
    expect(await unfinishedRotation(server.database)).toBeNull()
  })

  it('is done by one of two servers, and taken over at once', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let begun = (): void => undefined
    const started = new Promise<void>((resolve) => {
      begun = resolve
    })
    const first = rotateKmsKey(server, {
      ...options,
      step: async () => {
        begun()
        await held
        throw new Error('stopping')
      },
    })
    await started
    expect(await rotateKmsKey(server, options)).toBeNull()
    expect(await resumeKmsRotation(server, options)).toBeNull()
    release()
    await expect(first).rejects.toThrow('stopping')
    expect(await resumeKmsRotation(server, options)).toMatchObject({ left: 0 })
    expect(await resumeKmsRotation(server, options)).toBeNull()
  })

  it('waits while the key service is away, and gives up with the work to be gone on with', async () => {
    let [fails, failures] = [3, 0]
    const reEncrypt: KeyManagement['reEncrypt'] = async (wrapped, context, to) => {
      if (fails > 0) {
        fails -= 1
        failures += 1
        throw new KeyManagementError('unavailable', 'away')
      }
      return server.keys.reEncrypt(wrapped, context, to)
    }
    expect(await rotateKmsKey(withKeys({ reEncrypt }), options)).toMatchObject({ left: 0 })
    expect(failures).toBe(3)
    fails = 1e6
    await expect(rotateKmsKey(withKeys({ reEncrypt }), options)).rejects.toMatchObject({ code: 'unavailable' })
    await allOpen()
    fails = 0
    expect(await resumeKmsRotation(withKeys({ reEncrypt }), options)).toMatchObject({ left: 0 })
  })

  it('never leaves an account behind that registered meanwhile under the old key', async () => {
    let moved = false
    const wrap: KeyManagement['wrap'] = async (keyId, plaintext, context) => {
      const wrapped = await server.keys.wrap(keyId, plaintext, context)
      if (!moved) {
        moved = true
        await rotateKmsKey(server, options)
      }
      return wrapped
    }
    const racing = await createTestServer({ beside: { ...server, keys: { ...server.keys, wrap } } })
    await expect(registerAccount(racing)).rejects.toThrow(/unavailable/)
    await registerAccount(racing)
    await racing.close()
    const { sharedKeys } = await status()
    for (const key of sharedKeys) if (key.use !== 'current') expect(key.outerKeys).toBe(0)
  })

  it('passes over what does not open, moves the rest, and stays unfinished', async () => {
    const bob = await registerAccount(server)
    const row = await server.database
      .selectFrom('outer_keys')
      .select('wrapped')
      .where('account_id', '=', bob.author.accountId)
      .executeTakeFirstOrThrow()
    const broken = Buffer.from(row.wrapped)
    broken.writeUInt8(broken.readUInt8(60) ^ 1, 60)
    const set = (wrapped: Uint8Array) =>
      server.database
        .updateTable('outer_keys')
        .set({ wrapped })
        .where('account_id', '=', bob.author.accountId)
        .execute()
    await set(broken)
    const before = (await status()).sharedKeys.find((key) => key.use === 'current')
    expect(await rotateKmsKey(server, options)).toMatchObject({ left: 1, failed: 1 })
    expect((await destroyRetiredKeys(server, 7)).map((key) => key.keyId)).not.toContain(before?.id)
    await allOpen()
    await server.database.deleteFrom('outer_keys').where('account_id', '=', bob.author.accountId).execute()
    expect(await resumeKmsRotation(server, options)).toMatchObject({ left: 0 })
  })

  it('moves to a key that the operator made, and refuses one that cannot be used', async () => {
    const keyId = await server.keys.createKey()
    await server.keys.disable(keyId)
    await expect(rotateKmsKey(server, { ...options, toKey: keyId })).rejects.toMatchObject({ code: 'key_unusable' })
    await expect(rotateKmsKey(server, { ...options, toKey: 'f'.repeat(32) })).rejects.toMatchObject({
      code: 'key_not_found',
    })
    expect(await unfinishedRotation(server.database)).toBeNull()
    await server.keys.enable(keyId)
    expect(await rotateKmsKey(server, { ...options, toKey: keyId })).toMatchObject({ toKey: keyId, left: 0 })
    await allOpen()
  })

  it('leaves the keys of single accounts alone', async () => {
    const [ann] = accounts
    const accountId = ann?.author.accountId ?? new Uint8Array()
    await ensureOwnKey({ ...server, outerKeys: server.outer }, accountId)
    const kept = await server.database
      .selectFrom('outer_keys')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow()
    await rotateKmsKey(server, options)
    const now = await server.database
      .selectFrom('outer_keys')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirstOrThrow()
    expect(now).toEqual(kept)
    await allOpen()
    await expect(rotateKmsKey(server, { ...options, toKey: kept.kms_key_id })).rejects.toThrow(/single account/)
  })
})

describe('shredding', () => {
  it('deletes outer keys and has the own key destroyed, again and again until the key service has done it', async () => {
    const ann = await registerAccount(server)
    const { accountId } = ann.author
    await ensureOwnKey({ ...server, outerKeys: server.outer }, accountId)
    const shredding = await server.database.transaction().execute((tx) => destroyOuterKeys(tx, accountId))
    expect(shredding).toMatchObject({ scope: 'per-user', kmsKeyIds: [expect.any(String)] })
    expect((await status()).ownKeys.doomed).toBe(1)
    const away = {
      ...server.keys,
      scheduleDestruction: () => Promise.reject(new KeyManagementError('unavailable', '')),
    }
    await expect(destroyDoomedKeys({ ...server, keys: away })).rejects.toMatchObject({ code: 'unavailable' })
    // A server that died between the key service's answer and its own note of it.
    const dying = { ...server, database: server.database.withSchema('nowhere') }
    await expect(destroyDoomedKeys(dying)).rejects.toThrow()
    await server.keys.scheduleDestruction(shredding.kmsKeyIds[0] ?? '', 7)
    const destroyed = await destroyDoomedKeys(server, { accountId })
    expect(destroyed).toMatchObject([{ keyId: shredding.kmsKeyIds[0] }])
    expect(destroyed[0]?.destructionMs).toBeGreaterThan(server.clock.nowMs() + 29 * DAY_MS)
    expect(await destroyDoomedKeys(server, { accountId })).toEqual([])
    expect((await status()).ownKeys).toMatchObject({ doomed: 0, ended: 1 })
  })

  it('says of an account without an own key that it was shared', async () => {
    const bob = await registerAccount(server)
    const shredding = await server.database.transaction().execute((tx) => destroyOuterKeys(tx, bob.author.accountId))
    expect(shredding).toEqual({ scope: 'shared', kmsKeyIds: [] })
  })
})
