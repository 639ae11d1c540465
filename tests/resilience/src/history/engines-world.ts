import pg from 'pg'
import { openS3Store } from '../../../../packages/server/src/adapters/blob/s3.ts'
import { parseBlobUrl } from '../../../../packages/server/src/blob-url.ts'
import { useBucket } from '../../../dev-env/engines/bucket.ts'
import { type ClusterServer, startCluster } from '../../../dev-env/engines/cluster.ts'
import { type DebianPostgres, startDebianPostgres } from '../../../dev-env/engines/postgres-debian.ts'
import { startKmsDouble } from '../../../dev-env/kms-double/server.ts'
import type { KillableDatabase } from '../harness/embedded-database.ts'
import { startFaultNetwork } from '../harness/fault-network.ts'
import { startTcpProxy } from '../harness/tcp-proxy.ts'
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
  const bucket = await useBucket()
  Object.assign(process.env, bucket.env)
  closers.push(() => bucket.raw.close())
  const postgres = await startDebianPostgres()
  closers.push(() => postgres.close())
  const database = killable(postgres)
  await makeDatabase(postgres)
  const wire = await startTcpProxy({ host: '127.0.0.1', port: postgres.port })
  closers.push(() => wire[Symbol.asyncDispose]())
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = bucket.env
  const kms = await startKmsDouble({ also: { accessKeyId, secretAccessKey } })
  closers.push(() => kms.close())

  const failures = new Map<string, number>()
  let storeWeather: Weather = () => null
  const storeNetwork = await startFaultNetwork({
    upstreams: () => [bucket.ceph.endpoint],
    trouble: (passing) => storeWeather(passing),
  })
  closers.push(() => storeNetwork[Symbol.asyncDispose]())
  const blobUrl = bucket.url({ endpoint: storeNetwork.url })
  const cluster = await startCluster({
    database: postgres.url('strongroom').replace(`:${postgres.port}/`, `:${wire.port}/`),
    blobs: blobUrl,
    kms: `awskms://eu-central-1/alias/strongroom?endpoint=${kms.url}`,
    env: { ...bucket.env, LOG_LEVEL: 'warn', LOGIN_ATTEMPTS_PER_MINUTE: '100000', PUBLIC_URL: '', TRUSTED_PROXIES: '' },
  })
  closers.push(() => cluster.close())
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
  const pool = new pg.Pool({ connectionString: postgres.url('strongroom'), max: 2 })
  pool.on('error', () => undefined)
  closers.push(() => pool.end())
  const address = parseBlobUrl(bucket.url())
  if (address.kind !== 's3') throw new Error('a bucket has an s3: URL')
  const store = await openS3Store(address)
  closers.push(() => store.close())
  const [one, two] = members
  if (one === undefined || two === undefined) throw new Error('there are two servers')
  return {
    url: network.url,
    members: [one, two],
    database,
    databaseUrl: postgres.url('strongroom'),
    pool,
    store,
    network,
    engines: {
      wire,
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

async function makeDatabase(postgres: DebianPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url() })
  await client.connect()
  await client.query('CREATE DATABASE strongroom TEMPLATE template0')
  await client.end()
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
