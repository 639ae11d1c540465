import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { LEASE_MS, type Lease } from './lease.ts'
import { type Job, jobRunner } from './runner.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const EVERY_MS = 10 * 60_000
const SOON = { timeout: 20_000 }

/** A job that can be held in the middle of a run. */
function heldJob(name: string) {
  let runs = 0
  let release = (): void => undefined
  let started = (): void => undefined
  const begun = new Promise<void>((resolve) => {
    started = resolve
  })
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const job: Job = {
    name,
    everyMs: EVERY_MS,
    run: async (lease: Lease) => {
      runs += 1
      started()
      await held
      await lease.step()
      return { runs }
    },
  }
  return { job, begun, release: () => release(), runs: () => runs }
}

describe('jobs', () => {
  it('run on one of two servers at a time, and again only when they are due', async () => {
    const held = heldJob('one-at-a-time')
    const [one, two] = [jobRunner(server, [held.job]), jobRunner(server, [held.job])]
    const running = one.runDue()
    await held.begun
    await two.runDue()
    expect(held.runs()).toBe(1)
    held.release()
    await running
    await Promise.all([one.runDue(), two.runDue()])
    expect(held.runs()).toBe(1)
    server.clock.advance(EVERY_MS)
    await Promise.all([one.runDue(), two.runDue()])
    expect(held.runs()).toBe(2)
  })

  it('of a server that was killed are taken over once its lease is over, and its late steps end', async () => {
    const held = heldJob('taken-over')
    const [killed, other] = [jobRunner(server, [held.job]), jobRunner(server, [held.job])]
    const running = killed.runDue()
    await held.begun
    server.clock.advance(LEASE_MS - 1_000)
    await other.runDue()
    expect(held.runs()).toBe(1)
    server.clock.advance(2_000)
    const second = other.runDue()
    await expect.poll(held.runs, SOON).toBe(2)
    held.release()
    await Promise.all([running, second])
    const row = await server.database.selectFrom('jobs').selectAll().where('name', '=', 'taken-over').executeTakeFirst()
    expect(row).toMatchObject({ holder: null, lease_ends_ms: 0 })
    expect(row?.due_ms).toBeGreaterThan(server.clock.nowMs() + EVERY_MS - 60_000)
  })

  it('stop at their next step, and another server goes on at once', async () => {
    const held = heldJob('stopped')
    const [stopped, other] = [jobRunner(server, [held.job]), jobRunner(server, [held.job])]
    const running = stopped.runDue()
    await held.begun
    stopped.stop()
    held.release()
    await running
    await stopped.runDue()
    expect(held.runs()).toBe(1)
    await other.runDue()
    expect(held.runs()).toBe(2)
  })

  it('that fail are logged and tried again, and keep no other job from running', async () => {
    let [failures, runs] = [0, 0]
    const failing: Job = {
      name: 'failing',
      everyMs: EVERY_MS,
      run: async () => {
        failures += 1
        throw new Error('a secret')
      },
    }
    const fine: Job = { name: 'fine', everyMs: EVERY_MS, run: async () => ({ runs: ++runs }) }
    const runner = jobRunner(server, [failing, fine])
    await runner.runDue()
    expect([failures, runs]).toEqual([1, 1])
    server.clock.advance(60_000)
    await runner.runDue()
    expect([failures, runs]).toEqual([2, 1])
    expect(JSON.stringify(server.logs)).not.toContain('a secret')
    expect(server.logs).toContainEqual({ fields: { job: 'failing' }, message: 'a job failed and will be tried again' })
  })

  it('run once even where the clocks of servers differ a little', async () => {
    let runs = 0
    const job: Job = { name: 'other-clocks', everyMs: EVERY_MS, run: async () => ({ runs: ++runs }) }
    const slow = { ...server, clock: { nowMs: () => server.clock.nowMs() - 60_000 } }
    const fast = { ...server, clock: { nowMs: () => server.clock.nowMs() + 60_000 } }
    for (const deps of [server, slow, fast]) await jobRunner(deps, [job]).runDue()
    expect(runs).toBe(1)
  })

  it('outlive times that a wrong clock has written', async () => {
    let runs = 0
    const job: Job = { name: 'wrong-clock', everyMs: EVERY_MS, run: async () => ({ runs: ++runs }) }
    const farMs = server.clock.nowMs() + 1000 * EVERY_MS
    await server.database
      .insertInto('jobs')
      .values({ name: job.name, holder: null, due_ms: farMs, lease_ends_ms: farMs })
      .execute()
    await jobRunner(server, [job]).runDue()
    expect(runs).toBe(1)
  })
})
