import http from 'node:http'
import { encodeBytes, LIMITS } from '@strongroom/protocol'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Signals } from '../ports/index.ts'
import { ask } from '../testing/api.ts'
import { commit, registerAccount, type TestAccount } from '../testing/test-account.ts'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

const WAIT_MS = 5_000
const SOON = { timeout: 20_000 }

let server: TestServer
let other: TestServer
beforeAll(async () => {
  server = await createTestServer({ headWaitMs: 10_000 })
  other = await createTestServer({ beside: server, headWaitMs: 10_000 })
  await vi.waitUntil(() => server.signals.connected() && other.signals.connected(), SOON)
})
afterAll(async () => {
  await other.close()
  await server.close()
})

function waitFor(at: TestServer, account: TestAccount, after = account.state.head?.seq ?? 0) {
  const startMs = Date.now()
  const params = { vaultId: account.state.vaultId }
  return ask(at.app, 'vaultHead', { params, query: { after }, token: account.token }).then((answer) => ({
    ...answer,
    ms: Date.now() - startMs,
  }))
}

describe('waiting for a newer head', () => {
  it('ends at once where there is one, or the server has an older one', async () => {
    const ann = await registerAccount(server)
    await commit(ann)
    for (const after of [0, 7]) {
      const answer = await waitFor(server, ann, after)
      expect(answer.value()).toEqual(ann.state.head)
      expect(answer.ms).toBeLessThan(WAIT_MS)
    }
  })

  it('ends with a commit to this server or to another, and with no commit to another vault', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    for (const at of [server, other]) {
      const waits = Promise.all([waitFor(at, ann), waitFor(at, ann)])
      await expect.poll(() => at.heads.waiting(), SOON).toBe(2)
      await commit(bob)
      expect(at.heads.waiting()).toBe(2)
      await commit(ann)
      const startMs = Date.now()
      for (const answer of await waits) expect(answer.value()).toEqual(ann.state.head)
      expect(Date.now() - startMs).toBeLessThan(WAIT_MS)
      expect(at.heads.waiting()).toBe(0)
    }
  })

  it('misses no commit, however close the two come', async () => {
    const ann = await registerAccount(server)
    for (let times = 0; times < 30; times += 1) {
      const [answer] = await Promise.all([waitFor(times % 2 === 0 ? server : other, ann), commit(ann)])
      expect(answer.value()).toEqual(ann.state.head)
      expect(answer.ms).toBeLessThan(WAIT_MS)
    }
  })

  it('ends after its time with the head that there is', async () => {
    const brief = await createTestServer({ beside: server, headWaitMs: 300 })
    const ann = await registerAccount(server)
    const answer = await waitFor(brief, ann)
    expect(answer.value()).toEqual(ann.state.head)
    expect(answer.ms).toBeGreaterThanOrEqual(290)
    await brief.close()
  })

  it('is for members only', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const params = { vaultId: ann.state.vaultId }
    expect((await bob.ask('vaultHead', { params, query: { after: 0 } })).code).toBe('not_found')
    expect(server.heads.waiting()).toBe(0)
  })

  it.each([
    ['this server', () => server],
    ['another server', () => other],
  ])('ends as soon as its session ends, by whatever way, on %s', async (_, at) => {
    const ends: readonly [code: string, end: (account: TestAccount) => Promise<unknown>][] = [
      ['session_expired', (account) => account.ask('logout', {})],
      [
        'session_expired',
        ({ author }) => server.database.deleteFrom('sessions').where('account_id', '=', author.accountId).execute(),
      ],
      [
        'account_disabled',
        ({ author }) =>
          server.database
            .updateTable('accounts')
            .set({ disabled_ms: server.clock.nowMs() })
            .where('id', '=', author.accountId)
            .execute(),
      ],
    ]
    const bob = await registerAccount(server)
    const others = waitFor(at(), bob)
    for (const [code, end] of ends) {
      const ann = await registerAccount(server)
      const own = waitFor(at(), ann)
      await expect.poll(() => at().heads.waiting(), SOON).toBe(2)
      const startMs = Date.now()
      await end(ann)
      expect((await own).code).toBe(code)
      expect(Date.now() - startMs).toBeLessThan(WAIT_MS)
      expect(at().heads.waiting()).toBe(1)
    }
    await commit(bob)
    expect((await others).code).toBe('ok')
  })

  it('is for so many requests of an account at once, and others have their own', async () => {
    const [ann, bob] = [await registerAccount(server), await registerAccount(server)]
    const waits = Array.from({ length: LIMITS.headWaiters }, () => waitFor(server, ann))
    await expect.poll(() => server.heads.waiting(), SOON).toBe(LIMITS.headWaiters)
    const refused = await waitFor(server, ann)
    expect(refused.code).toBe('too_many_requests')
    expect(refused.headers['retry-after']).toBe('5')
    const bobs = waitFor(server, bob)
    await expect.poll(() => server.heads.waiting(), SOON).toBe(LIMITS.headWaiters + 1)
    await Promise.all([commit(ann), commit(bob)])
    for (const answer of await Promise.all([...waits, bobs])) expect(answer.code).toBe('ok')
    expect((await waitFor(server, ann, 0)).code).toBe('ok')
  })

  it('ends when the client goes away', async () => {
    const listening = await createTestServer({ beside: server })
    const ann = await registerAccount(server)
    const address = await listening.app.listen({ port: 0, host: '127.0.0.1' })
    const request = http.get(`${address}/v1/vaults/${encodeBytes(ann.state.vaultId)}/head?after=0`, {
      headers: { authorization: `Bearer ${encodeBytes(ann.token)}` },
    })
    request.on('error', () => undefined)
    await expect.poll(() => listening.heads.waiting(), SOON).toBe(1)
    request.destroy()
    await expect.poll(() => listening.heads.waiting(), SOON).toBe(0)
    await listening.close()
  })

  it('ends at once when the server stops', async () => {
    const stopping = await createTestServer({ beside: server })
    const ann = await registerAccount(server)
    const wait = waitFor(stopping, ann)
    await expect.poll(() => stopping.heads.waiting(), SOON).toBe(1)
    stopping.heads.close()
    expect((await wait).value()).toEqual(ann.state.head)
    expect((await waitFor(stopping, ann)).ms).toBeLessThan(WAIT_MS)
    await stopping.close()
  })

  it('goes on by looking while no signals arrive', async () => {
    const wrapSignals = (signals: Signals): Signals => ({
      ...signals,
      listen: () => () => undefined,
      connected: () => false,
    })
    const deaf = await createTestServer({ beside: server, wrapSignals, headWaitMs: 20_000 })
    const ann = await registerAccount(server)
    const wait = waitFor(deaf, ann)
    await expect.poll(() => deaf.heads.waiting(), SOON).toBe(1)
    await commit(ann)
    const answer = await wait
    expect(answer.value()).toEqual(ann.state.head)
    expect(answer.ms).toBeLessThan(10_000)
    await deaf.close()
  })

  it('hears signals again after the connection for them broke', async () => {
    const ann = await registerAccount(server)
    const listeners = async () => {
      const found = await sql<{ pid: number }>`
        SELECT pid FROM pg_stat_activity
        WHERE application_name = 'strongroom-signals' AND datname = current_database()`.execute(server.database)
      return found.rows.map((row) => row.pid)
    }
    const before = await listeners()
    for (const pid of before) await sql`SELECT pg_terminate_backend(${pid}::integer)`.execute(server.database)
    const isNew = async () => {
      const now = await listeners()
      return now.length === before.length && now.every((pid) => !before.includes(pid))
    }
    await expect.poll(isNew, SOON).toBe(true)
    await expect.poll(() => server.signals.connected() && other.signals.connected(), SOON).toBe(true)
    const wait = waitFor(other, ann)
    await expect.poll(() => other.heads.waiting(), SOON).toBe(1)
    await commit(ann)
    expect((await wait).value()).toEqual(ann.state.head)
  })
})
