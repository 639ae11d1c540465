import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { openFileStore } from '../../../../packages/server/src/adapters/blob/file-store.ts'
import type { ObjectStore } from '../../../../packages/server/src/ports/index.ts'
import type { KmsDouble } from '../../../dev-env/kms-double/server.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { type KillableDatabase, startKillableDatabase } from '../harness/embedded-database.ts'
import { type FaultNetwork, type Passing, startFaultNetwork, type Trouble } from '../harness/fault-network.ts'
import type { TcpProxy } from '../harness/tcp-proxy.ts'
import { count } from './history.ts'

/** Decides what happens to a request; null: nothing. */
export type Weather = (passing: Passing) => Trouble | null

export interface Member {
  readonly pid: number
  /** Whether requests get through to it. */
  reachable: boolean
  kill(): Promise<void>
  /** SIGTERM: requests under way end first. */
  drain(): Promise<void>
  start(): Promise<void>
}

/** Two servers on one database and one store, behind a network on which things go wrong. */
export interface HistoryWorld extends AsyncDisposable {
  readonly url: string
  readonly members: readonly [Member, Member]
  readonly database: KillableDatabase
  readonly databaseUrl: string
  readonly pool: pg.Pool
  readonly store: ObjectStore
  readonly network: FaultNetwork
  /** What can fail beside servers and database; null for embedded engines. */
  readonly engines: Engines | null
  /** Between clients and servers from now on. */
  weather: Weather
  /** Answers of servers by `METHOD path status`, where the status says that the server itself failed. */
  readonly failures: ReadonlyMap<string, number>
  /** What the servers have printed so far, for who looks into a failure. */
  logs(): string
}

export interface Engines {
  /** Between servers and database. */
  readonly wire: TcpProxy
  readonly kms: KmsDouble
  /** Between clients and servers on one side and the store on the other. */
  storeWeather: Weather
}

export interface WorldOptions {
  /** What to start instead of the server that this checkout builds. */
  readonly entry?: string
}

export async function openHistoryWorld(options: WorldOptions = {}): Promise<HistoryWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-history-'))
  const database = await startKillableDatabase(folder)
  const blobs = join(folder, 'blobs')
  const settings = {
    DATABASE_URL: database.url,
    BLOB_URL: pathToFileURL(blobs).href,
    KMS_URL: pathToFileURL(join(folder, 'keys.json')).href.replace('file:', 'keyfile:'),
    LOG_LEVEL: 'warn',
    LOGIN_ATTEMPTS_PER_MINUTE: '100000',
  }
  const entry = options.entry === undefined ? {} : { entry: options.entry }
  // One after the other: the first one makes the schema and the keys.
  const members = [
    await startMember({ dataDir: join(folder, 'one'), env: settings, ...entry }),
    await startMember({ dataDir: join(folder, 'two'), env: settings, ...entry }),
  ] as const
  let weather: Weather = () => null
  const failures = new Map<string, number>()
  const network = await startFaultNetwork({
    upstreams: () => members.filter(({ member }) => member.reachable).map(({ url }) => url()),
    trouble: (passing) => weather(passing),
    onAnswer({ method, path, status, body }) {
      if (status === 500) count(failures, `${method} ${path.split('?')[0]} ${status} ${body.subarray(0, 200)}`)
    },
  })
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pool.on('error', () => undefined)
  const store = await openFileStore(blobs)
  return {
    url: network.url,
    members: [members[0].member, members[1].member],
    database,
    databaseUrl: database.url,
    pool,
    store,
    network,
    engines: null,
    get weather() {
      return weather
    },
    set weather(next) {
      weather = next
    },
    failures,
    logs: () => members.map(({ logs }) => logs()).join('\n'),
    async [Symbol.asyncDispose]() {
      await network[Symbol.asyncDispose]()
      for (const { member } of members) await member.drain()
      await store.close()
      await pool.end()
      await database.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Started {
  readonly member: Member
  url(): string
  logs(): string
}

async function startMember(options: {
  dataDir: string
  env: Readonly<Record<string, string>>
  entry?: string
}): Promise<Started> {
  let server: DevServer = await startDevServer(options)
  const port = Number(new URL(server.url).port)
  const { url } = server
  let before = ''
  return {
    url: () => url,
    logs: () => before + server.logs(),
    member: {
      reachable: true,
      get pid() {
        return server.pid
      },
      kill: () => server.kill9(),
      async drain() {
        await server.stop()
      },
      async start() {
        before += server.logs()
        server = await startDevServer({ ...options, port })
      },
    },
  }
}
