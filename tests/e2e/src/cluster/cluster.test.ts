import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../../dev-env/cli.ts'
import { type Cluster, startCluster } from '../../../dev-env/engines/cluster.ts'
import { type OwnDatabase, useDatabase } from '../../../dev-env/engines/postgres-debian.ts'

let folder: string
let database: OwnDatabase
let cluster: Cluster
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-cluster-test-'))
  database = await useDatabase('15')
  cluster = await startCluster({ database: database.url })
})
afterAll(async () => {
  await cluster?.close()
  await database?.close()
  await rm(folder, { recursive: true, force: true })
})

describe('two servers behind a balancer, on PostgreSQL 15', () => {
  it('serve a journey whose requests meet both of them in turn', async () => {
    await using ann = await CliDevice.create(cluster.url)
    await ann.register('ann@example.org')
    const bytes = randomBytes(9 * 1024 * 1024)
    await writeFile(join(folder, 'file'), bytes)
    await ann.ok(['put', '-q', join(folder, 'file'), '/file'])
    await ann.ok(['mkdir', '/folder'])
    await ann.ok(['mv', '/file', '/folder/file'])
    await using other = await CliDevice.create(cluster.url)
    await other.login('ann@example.org')
    await other.ok(['get', '-q', '/folder/file', join(folder, 'back')])
    expect((await readFile(join(folder, 'back'))).equals(bytes)).toBe(true)
    for (const server of cluster.servers) expect(server.logs()).toMatch(/"route":"\/v1/)
  })

  it('go on serving while one of them is killed and started again', async () => {
    await using ben = await CliDevice.create(cluster.url)
    await ben.register('ben@example.org')
    await cluster.servers[0]?.kill()
    await ben.ok(['mkdir', '/while-one-is-down'])
    await cluster.servers[0]?.restart()
    await cluster.servers[1]?.kill()
    expect((await ben.ok(['ls', '/'])).stdout.toString()).toContain('while-one-is-down')
    await cluster.servers[1]?.restart()
    await ben.ok(['mkdir', '/after'])
  })
})
