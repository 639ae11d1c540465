import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { DevServer } from '../server.ts'
import { openCompany } from './company.ts'

/**
 * Two servers on the engines of a company, as if they were one: the address is haproxy's, and the data folder is empty,
 * because no server keeps anything there.
 */
export async function startDevCluster(env: Readonly<Record<string, string>>): Promise<DevServer> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'strongroom-nothing-'))
  const company = await openCompany({ env })
  const { url, servers } = company.cluster
  let stopping: Promise<number | null> | null = null
  const stop = async (): Promise<number | null> => {
    const codes = await Promise.all(servers.map((server) => server.stop()))
    await company[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
    return codes.find((code) => code !== 0) ?? 0
  }
  return {
    url,
    dataDir,
    // Reason for the folder: an operator who finds nothing there must be led by the rest.
    settings: { STRONGROOM_DATA: dataDir, ...company.cluster.env },
    bucket: { raw: company.bucket.raw, prefix: '' },
    pid: servers[0]?.pid ?? 0,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
    async kill9() {
      for (const server of servers) await server.kill()
    },
    logs: () => servers.map((server) => server.logs()).join('\n'),
  }
}
