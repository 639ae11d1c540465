import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyManagement } from '../../ports/index.ts'
import { registerAccount } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { outerKeys } from './outer-keys.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

function counting(keys: KeyManagement): { keys: KeyManagement; unwraps: () => number } {
  let unwraps = 0
  const unwrap: KeyManagement['unwrap'] = (wrapped, context) => {
    unwraps += 1
    return keys.unwrap(wrapped, context)
  }
  return { keys: { ...keys, unwrap }, unwraps: () => unwraps }
}

describe('outer keys', () => {
  it('are unwrapped once for many requests and forgotten after five minutes', async () => {
    const { author } = await registerAccount(server)
    const counted = counting(server.keys)
    const outer = outerKeys({ ...server, keys: counted.keys, random: { bytes: () => new Uint8Array() } })
    await Promise.all(Array.from({ length: 20 }, () => outer.newest(author.accountId)))
    expect(counted.unwraps()).toBe(1)
    server.clock.advance(5 * 60 * 1000 - 1000)
    await outer.newest(author.accountId)
    expect(counted.unwraps()).toBe(1)
    server.clock.advance(2000)
    await outer.newest(author.accountId)
    expect(counted.unwraps()).toBe(2)
  })

  it('of another account do not unwrap: the context binds them', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const row = await server.database
      .selectFrom('outer_keys')
      .selectAll()
      .where('account_id', '=', ann.author.accountId)
      .executeTakeFirstOrThrow()
    await server.database
      .updateTable('outer_keys')
      .set({ wrapped: row.wrapped })
      .where('account_id', '=', bob.author.accountId)
      .execute()
    server.outer.clear()
    const answer = await bob.ask('account', {})
    expect([answer.status, answer.code]).toEqual([500, 'stored_data_damaged'])
    expect((await ann.ask('account', {})).code).toBe('ok')
  })

  it('that failed to unwrap are tried again', async () => {
    const { author } = await registerAccount(server)
    let fails = true
    const unwrap: KeyManagement['unwrap'] = (wrapped, context) =>
      fails ? Promise.reject(new Error('away')) : server.keys.unwrap(wrapped, context)
    const outer = outerKeys({ ...server, keys: { ...server.keys, unwrap }, random: { bytes: () => new Uint8Array() } })
    await expect(outer.newest(author.accountId)).rejects.toThrow('away')
    fails = false
    await expect(outer.newest(author.accountId)).resolves.toMatchObject({ version: 1 })
  })
})
