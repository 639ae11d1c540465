import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyManagement, KeyManagementError } from '../../ports/index.ts'
import { commit, registerAccount, storeBlob, type TestAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { destroyRetiredKeys, readKmsStatus } from './kms-status.ts'
import { ensureOwnKey, rotateOuterKey } from './rotate-outer.ts'
import { accountsWithOwnKey, rotateOwnKey } from './rotate-own.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const deps = () => ({ ...server, outerKeys: server.outer })

async function accountWithOwnKey(): Promise<{ account: TestAccount; id: Uint8Array; keyId: string }> {
  const account = await registerAccount(server)
  const id = account.author.accountId
  await ensureOwnKey(deps(), id)
  const { blobId } = await storeBlob(account)
  await commit(account, { added: [{ blobId }] })
  return { account, id, keyId: await currentOf(id) }
}

async function keysOf(accountId: Uint8Array) {
  return server.database
    .selectFrom('kms_keys')
    .select(['id', 'state'])
    .where('account_id', '=', accountId)
    .orderBy('created_ms')
    .orderBy('state', 'desc')
    .execute()
}

async function currentOf(accountId: Uint8Array): Promise<string> {
  return (await keysOf(accountId)).find((key) => key.state === 'current')?.id ?? ''
}

async function opens(account: TestAccount): Promise<boolean> {
  server.outer.clear()
  return (await account.ask('account', {})).code === 'ok'
}

describe('rotation of an own key', () => {
  it('moves the outer keys to a new one; once the old one is destroyed everything still opens', async () => {
    const { account, id, keyId } = await accountWithOwnKey()
    const toKey = await rotateOwnKey(deps(), id)
    expect(toKey).not.toBe(keyId)
    expect(await currentOf(id)).toBe(toKey)
    expect((await account.ask('serverKeys', {})).value()).toMatchObject({ scope: 'per-user', rotating: false })
    expect((await readKmsStatus(deps())).ownKeys).toMatchObject({ retired: 1 })
    const destroyed = await destroyRetiredKeys(deps(), 7)
    expect(destroyed.map((key) => key.keyId)).toEqual([keyId])
    expect(await server.keys.keyState(keyId)).toBe('pending_destruction')
    expect(await opens(account)).toBe(true)
    const { entries } = (await account.ask('auditRead', { query: {} })).value()
    expect(entries.map((entry) => entry.event)).toContain('kms_key_rotated')
  })

  it('that died at any call of the key service goes on with the key that it made', async () => {
    const { account, id, keyId } = await accountWithOwnKey()
    const made: string[] = []
    for (let allowed = 0; ; allowed += 1) {
      let calls = 0
      const step = async <T>(call: () => Promise<T>): Promise<T> => {
        const result = await call()
        calls += 1
        if (calls > allowed) throw new KeyManagementError('unavailable', 'killed')
        return result
      }
      const keys: KeyManagement = {
        ...server.keys,
        createKey: (name) =>
          step(async () => {
            const key = await server.keys.createKey(name)
            made.push(key)
            return key
          }),
        reEncrypt: (...input) => step(() => server.keys.reEncrypt(...input)),
      }
      const done = await rotateOwnKey({ ...deps(), keys }, id).then(
        () => true,
        () => false,
      )
      expect(await opens(account)).toBe(true)
      if (done) break
      expect(await currentOf(id)).toBe(keyId)
    }
    expect(new Set(made).size).toBe(1)
    expect(await currentOf(id)).toBe(made[0])
  })

  it('takes along outer keys that are added meanwhile, and may run beside itself', async () => {
    const { account, id } = await accountWithOwnKey()
    let raced = false
    const keys: KeyManagement = {
      ...server.keys,
      reEncrypt: async (...input) => {
        if (!raced) {
          raced = true
          await rotateOuterKey(deps(), id)
        }
        return server.keys.reEncrypt(...input)
      },
    }
    await rotateOwnKey({ ...deps(), keys }, id)
    expect(await opens(account)).toBe(true)
    const results = await Promise.allSettled([1, 2, 3].map(() => rotateOwnKey(deps(), id)))
    expect(results.some((result) => result.status === 'fulfilled')).toBe(true)
    expect(await opens(account)).toBe(true)
    const left = await server.database
      .selectFrom('outer_keys')
      .innerJoin('kms_keys', 'kms_keys.id', 'outer_keys.kms_key_id')
      .select('state')
      .where('outer_keys.account_id', '=', id)
      .execute()
    expect(left).toEqual([{ state: 'current' }])
    expect((await keysOf(id)).filter((key) => key.state === 'current').length).toBe(1)
  })

  it('leaves accounts alone that share a key, and finds the others by the age of theirs', async () => {
    const shared = await registerAccount(server)
    expect(await rotateOwnKey(deps(), shared.author.accountId)).toBeNull()
    const { id } = await accountWithOwnKey()
    const isListed = async (beforeMs: number) =>
      (await accountsWithOwnKey(server.database, { beforeMs, after: null })).some(
        (found) => Buffer.compare(found, id) === 0,
      )
    expect(await isListed(server.clock.nowMs())).toBe(true)
    expect(await isListed(server.clock.nowMs() - 60_000)).toBe(false)
  })
})

describe('what the server says of its keys', () => {
  it('changes with their rotation, and counts keys of contents under older vault keys', async () => {
    const account = await registerAccount(server)
    const { accountId } = account.author
    const first = (await account.ask('serverKeys', {})).value()
    expect(first).toMatchObject({ scope: 'shared', outerKeyVersion: 1, rotating: false, olderWraps: 0 })
    server.clock.advance(60_000)
    await rotateOuterKey(deps(), accountId)
    const second = (await account.ask('serverKeys', {})).value()
    expect(second.outerKeyVersion).toBe(2)
    expect(second.outerKeyMs).toBeGreaterThanOrEqual(first.outerKeyMs + 60_000)
    expect(second.kmsKeyMs).toBe(first.kmsKeyMs)
  })
})
