import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type Cluster, startCluster } from '../../../dev-env/engines/cluster.ts'
import { freePort } from '../../../dev-env/engines/free-port.ts'
import { type OwnDatabase, useDatabase } from '../../../dev-env/engines/postgres-debian.ts'
import { startDevServer } from '../../../dev-env/server.ts'

let database: OwnDatabase
let cluster: Cluster
beforeAll(async () => {
  database = await useDatabase('15')
  cluster = await startCluster({ database: database.url, env: { DRAIN_SECONDS: '1' } })
})
afterAll(async () => {
  await cluster?.close()
  await database?.close()
})

async function statusOf(url: string): Promise<number> {
  return fetch(url).then(
    (answer) => answer.status,
    () => 0,
  )
}

describe('a server that is told to stop', () => {
  it('says so first, goes on serving for a while, and ends with 0', async () => {
    const server = cluster.servers[0]
    if (server === undefined) throw new Error('there is no server')
    const stopped = server.stop()
    await expect.poll(() => statusOf(`${server.url}/readyz`), { timeout: 20_000, interval: 20 }).toBe(503)
    expect(await statusOf(`${server.url}/v1/info`)).toBe(200)
    expect(await stopped).toBe(0)
    await server.restart()
  })

  it('and started again, one after the other, is noticed by nobody at work', async () => {
    await using ann = await CliDevice.create(cluster.url)
    await using other = await CliDevice.create(cluster.url)
    await ann.register('ann@example.org')
    await other.login('ann@example.org')
    let working = true
    const work = async (device: CliDevice, name: string): Promise<number> => {
      let count = 0
      for (; working || count < 3; count += 1) await device.ok(['mkdir', `/${name}-${count}`])
      return count
    }
    const atWork = Promise.all([work(ann, 'ann'), work(other, 'other')])
    const codes: (number | null)[] = []
    for (const server of cluster.servers) {
      codes.push(await server.stop())
      await server.restart()
    }
    working = false
    const counts = await atWork
    expect(codes).toEqual([0, 0])
    const lines = (await ann.ok(['ls', '/'])).stdout.toString().trim().split('\n')
    expect(lines).toHaveLength((counts[0] ?? 0) + (counts[1] ?? 0))
  })
})

describe('metrics', () => {
  it('are served on an address of their own, and name nobody', async () => {
    const port = await freePort()
    const server = await startDevServer({ env: { METRICS_ADDRESS: `127.0.0.1:${port}` } })
    try {
      await using ann = await CliDevice.create(server.url)
      await ann.register('canary-name@example.org')
      await ann.ok(['mkdir', '/canary-folder'])
      const shown = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      expect(shown).toMatch(/^strongroom_registrations_total 1$/m)
      expect(shown).toMatch(/^strongroom_commits_total [1-9]$/m)
      expect(shown).toMatch(/^strongroom_kms_calls_total\{operation="wrap",outcome="ok"\} [1-9]/m)
      expect(shown).toMatch(/route="\/v1\/vaults\/:vaultId\/commits"/)
      expect(shown).toMatch(/^strongroom_database_connections [1-9]/m)
      expect(shown).toMatch(/^strongroom_jobs_total\{name="remove-ended",outcome="done"\} 1$/m)
      expect(shown).not.toMatch(/canary|[0-9a-f]{32}|example/)
      expect(await statusOf(`http://127.0.0.1:${port}/`)).toBe(404)
      const page = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { origin: 'https://evil.example' } })
      expect(page.status).toBe(404)
      expect(await statusOf(`${server.url}/metrics`)).toBe(404)
    } finally {
      await server.stop()
    }
  })
})
