import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { collect, DAY_MS, RETENTION, stateOf } from '../../testing/collection.ts'
import { commit, registerAccount, startLogin, storeBlob } from '../../testing/test-account.ts'
import { createTestServer, type TestServer } from '../../testing/test-server.ts'
import { jobRunner } from './runner.ts'
import { serverJobs } from './server-jobs.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

async function rowCount(table: 'sessions' | 'login_states' | 'rate_limits'): Promise<number> {
  return (await server.database.selectFrom(table).selectAll().execute()).length
}

describe("a server's jobs", () => {
  it('remove what has ended and collect what nothing refers to, and say in numbers what they did', async () => {
    const ann = await registerAccount(server)
    const [live, idle] = [await storeBlob(ann), await storeBlob(ann)]
    await commit(ann, { added: [{ blobId: live.blobId }] })
    await startLogin(server, ann.login, 'a wrong password')
    const runner = jobRunner(server, serverJobs({ ...server, retention: RETENTION }))
    await runner.runDue()
    expect(await rowCount('sessions')).toBe(1)
    expect(await rowCount('login_states')).toBe(1)
    expect(await rowCount('rate_limits')).toBeGreaterThan(0)
    server.clock.advance(31 * DAY_MS)
    await runner.runDue()
    for (const table of ['sessions', 'login_states', 'rate_limits'] as const) expect(await rowCount(table)).toBe(0)
    expect(await stateOf(server, idle.blobId)).toBe('condemned')
    expect(await stateOf(server, live.blobId)).toBe('live')
    const logged = server.logs.filter(({ message }) => message === 'job').map(({ fields }) => fields)
    expect(logged).toContainEqual(expect.objectContaining({ job: 'remove-ended' }))
    expect(logged).toContainEqual(expect.objectContaining({ job: 'collect-blobs', condemned: 1, deleted: 0 }))
    for (const fields of logged)
      for (const [name, value] of Object.entries(fields)) expect(name === 'job' || typeof value === 'number').toBe(true)
    server.clock.advance(8 * DAY_MS)
    expect(await collect(server)).toMatchObject({ deleted: 1, objects: 1 })
  })
})
