import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CliDevice } from '../../dev-env/cli.ts'
import type { ClusterServer } from '../../dev-env/engines/cluster.ts'
import { type Company, openCompany } from '../../dev-env/engines/company.ts'
import { isLeftOut } from '../../dev-env/engines/install.ts'
import { type StoreProxy, startStoreProxy } from '../../dev-env/engines/store-proxy.ts'
import { hashOf, MIB } from './harness/world.ts'
import { openHistoryDevice } from './history/device.ts'
import { emptyHistory } from './history/history.ts'

const SOAK = process.env.STRONGROOM_SOAK === '1'
const SIZE = (SOAK ? 1024 : 64) * MIB
const LOGINS = 50
const PIECE = 16 * MIB
const LOGIN = 'ann@example.org'
const LIMIT_MS = 15 * 60_000

describe.skipIf(isLeftOut('ceph'))('one of two servers is killed', () => {
  let folder: string
  let proxy: StoreProxy
  let company: Company
  let ann: CliDevice

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-cluster-killed-'))
    company = await openCompany({
      async storeEndpoint(endpoint) {
        proxy = await startStoreProxy(endpoint)
        return proxy.url
      },
      env: { LOG_LEVEL: 'warn', LOGIN_ATTEMPTS_PER_MINUTE: '100000' },
    })
    ann = await CliDevice.create(company.cluster.url)
    await ann.register(LOGIN)
  }, LIMIT_MS)
  afterAll(async () => {
    await ann?.[Symbol.asyncDispose]()
    await company?.[Symbol.asyncDispose]()
    await proxy?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  function serverAt(index: number): ClusterServer {
    const server = company.cluster.servers[index]
    if (server === undefined) throw new Error('there are two servers')
    return server
  }

  /** Kills a server when clients have sent (or asked for) so many parts, the other one later, and starts them again. */
  function killAtParts(method: string, first: number, second: number): { over(): Promise<void> } {
    let met = 0
    let killing = Promise.resolve()
    const kill = (index: number) => {
      killing = killing.then(async () => {
        await serverAt(index).kill()
        await serverAt(index).restart()
      })
    }
    proxy.intercept((seen) => {
      if (seen.method !== method || !seen.path.includes('X-Amz-Signature')) return null
      met += 1
      if (met === first) kill(0)
      if (met === second) kill(1)
      return null
    })
    return {
      async over() {
        proxy.relax()
        await killing
        expect(met).toBeGreaterThanOrEqual(second)
      },
    }
  }

  it(
    `during a put and a get of ${SIZE / MIB} MiB, and whoever runs them notices nothing`,
    async () => {
      const path = join(folder, 'large')
      for (let at = 0; at < SIZE; at += PIECE) await appendFile(path, randomBytes(PIECE))
      const parts = SIZE / (8 * MIB)
      const put = killAtParts('PUT', Math.ceil(parts / 4), Math.ceil((parts * 3) / 4))
      const stored = await ann.ok(['put', '--quiet', path, '/large'], { timeoutMs: LIMIT_MS })
      await put.over()
      expect(stored.stderr).toBe('')
      const get = killAtParts('GET', Math.ceil(parts / 4), Math.ceil((parts * 3) / 4))
      const back = await ann.ok(['get', '--quiet', '/large', join(folder, 'back')], { timeoutMs: LIMIT_MS })
      await get.over()
      expect(back.stderr).toBe('')
      expect(await hashOf(join(folder, 'back'))).toBe(await hashOf(path))
      expect(JSON.parse((await ann.ok(['versions', '--json', '/large'])).stdout.toString())).toHaveLength(1)
    },
    LIMIT_MS,
  )

  it(
    `during ${LOGINS} logins, and every one of them is signed in`,
    async () => {
      const { url } = company.cluster
      const history = emptyHistory()
      const first = await openHistoryDevice({
        server: url,
        login: 'ben@example.org',
        name: 'b',
        history,
        register: true,
      })
      let done = 0
      const killed = (async () => {
        for (const index of [0, 1]) {
          while (done < (LOGINS * (index + 1)) / 3) await new Promise((resolve) => setTimeout(resolve, 5))
          await serverAt(index).kill()
          await serverAt(index).restart()
        }
      })()
      const devices = Array.from({ length: LOGINS }, async (_, number) => {
        // Eight at a time.
        while (done < number - 8) await new Promise((resolve) => setTimeout(resolve, 5))
        const login = 'ben@example.org'
        return await openHistoryDevice({ server: url, login, name: `b${number}`, history }).finally(() => {
          done += 1
        })
      })
      const results = await Promise.allSettled(devices)
      done = LOGINS
      await killed
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []))
      expect(failures).toEqual([])
      for (const result of results) if (result.status === 'fulfilled') await result.value.close()
      await first.close()
    },
    LIMIT_MS,
  )
})
