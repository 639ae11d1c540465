import pg from 'pg'
import { openS3Store } from '../../../../packages/server/src/adapters/blob/s3.ts'
import { parseBlobUrl } from '../../../../packages/server/src/blob-url.ts'
import type { ClusterServer } from '../../../dev-env/engines/cluster.ts'
import { openCompany } from '../../../dev-env/engines/company.ts'
import type { DebianPostgres } from '../../../dev-env/engines/postgres-debian.ts'
import type { KillableDatabase } from '../harness/embedded-database.ts'
import { startFaultNetwork } from '../harness/fault-network.ts'
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts'
import { count } from './history.ts'
import type { HistoryWorld, Member, Weather } from './world.ts'

/**
 * The engines of a company: two servers behind haproxy, PostgreSQL 15 behind a TCP proxy, a bucket of Ceph behind a
 * network of its own, which clients and servers share, and the double of AWS KMS.
 */
export async function openEnginesWorld(): Promise<HistoryWorld> {
  const closers: (() => Promise<unknown> | unknown)[] = []
  const closeAll = async () => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close()
  }
  try {
    return await open(closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function open(
  closers: (() => Promise<unknown> | unknown)[],
  closeAll: () => Promise<void>,
): Promise<HistoryWorld> {
  let wire: TcpProxy | null = null
  const failures = new Map<string, number>()
  let storeWeather: Weather = () => null
  const company = await openCompany({
    async databasePort(port) {
      wire = await startTcpProxy({ host: '127.0.0.1', port })
      closers.push(() => wire?.[Symbol.asyncDispose]())
      return wire.port
    },
    async storeEndpoint(endpoint) {
      const store = await startFaultNetwork({
        upstreams: () => [endpoint],
        trouble: (passing) => storeWeather(passing),
      })
      closers.push(() => store[Symbol.asyncDispose]())
      return store.url
    },
    env: { PUBLIC_URL: '', TRUSTED_PROXIES: '', LOG_LEVEL: 'warn', LOGIN_ATTEMPTS_PER_MINUTE: '100000' },
  })
  closers.push(() => company[Symbol.asyncDispose]())
  const { bucket, postgres, kms, cluster, databaseUrl } = company
  Object.assign(process.env, bucket.env)
  let weather: Weather = () => null
  const members = cluster.servers.map(memberOf)
  const direct = cluster.servers.map(({ url }) => url)
  const network = await startFaultNetwork({
    upstreams: () => {
      const cutOff = members.some(({ reachable }) => !reachable)
      return cutOff ? direct.filter((_, index) => members[index]?.reachable) : [cluster.url]
    },
    trouble: (passing) => weather(passing),
    onAnswer({ method, path, status, body }) {
      if (status === 500) count(failures, `${method} ${path.split('?')[0]} ${status} ${body.subarray(0, 200)}`)
    },
  })
  closers.push(() => network[Symbol.asyncDispose]())
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 })
  pool.on('error', () => undefined)
  closers.push(() => pool.end())
  const address = parseBlobUrl(bucket.url())
  if (address.kind !== 's3') throw new Error('a bucket has an s3: URL')
  const store = await openS3Store(address)
  closers.push(() => store.close())
  const [one, two] = members
  const way = wire as TcpProxy | null // Set above, which the compiler does not follow.
  if (one === undefined || two === undefined || way === null) throw new Error('there are two servers')
  return {
    url: network.url,
    members: [one, two],
    database: killable(postgres),
    databaseUrl,
    pool,
    store,
    network,
    engines: {
      wire: way,
      kms,
      get storeWeather() {
        return storeWeather
      },
      set storeWeather(next) {
        storeWeather = next
      },
    },
    get weather() {
      return weather
    },
    set weather(next) {
      weather = next
    },
    failures,
    logs: () => cluster.servers.map((server) => server.logs()).join('\n'),
    [Symbol.asyncDispose]: closeAll,
  }
}

function killable(postgres: DebianPostgres): KillableDatabase {
  return {
    url: postgres.url('strongroom'),
    async restart(signal, downMs = 0) {
      if (signal === 'SIGKILL') await postgres.kill9()
      else await postgres.stop(signal === 'SIGQUIT' ? 'immediate' : 'fast')
      await new Promise((resolve) => setTimeout(resolve, downMs))
      await postgres.start()
    },
    close: () => postgres.close(),
  }
}

function memberOf(server: ClusterServer): Member {
  return {
    reachable: true,
    get pid() {
      return server.pid
    },
    kill: () => server.kill(),
    async drain() {
      await server.stop()
    },
    start: () => server.restart(),
  }
}
