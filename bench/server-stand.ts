import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { connectDatabase } from '../packages/server/src/database/connect.ts'
import { populate } from '../packages/server/src/testing/populate.ts'
import type { TestAccount } from '../packages/server/src/testing/test-account.ts'
import { startCluster } from '../tests/dev-env/engines/cluster.ts'
import { requirePackages } from '../tests/dev-env/engines/install.ts'
import { useDatabase } from '../tests/dev-env/engines/postgres-debian.ts'
import { type DevServer, startDevServer } from '../tests/dev-env/server.ts'
import type { Profile } from './flame.ts'
import { limitCpu } from './limit.ts'
import { cpuMs, descendants, nameOf, parentOf, pin } from './pin.ts'
import { isInstalled } from './programs.ts'
import { servedAccounts } from './served-accounts.ts'

const PRELOAD = new URL('profiled.mjs', import.meta.url).href

/** CPU milliseconds of everyone who takes part in a request. */
export interface Spent {
  readonly servers: number
  readonly database: number
  readonly balancer: number
  readonly clients: number
}

export function since(before: Spent, now: Spent): Spent {
  return {
    servers: now.servers - before.servers,
    database: now.database - before.database,
    balancer: now.balancer - before.balancer,
    clients: now.clients - before.clients,
  }
}

export function perRequest({ servers, database, balancer, clients }: Spent, count: number): Spent {
  return { servers: servers / count, database: database / count, balancer: balancer / count, clients: clients / count }
}

/** What is measured against: servers on a database, where to ask them, and what they use. */
export interface ServerStand {
  readonly url: string
  readonly register: () => Promise<TestAccount>
  /** Rounds that are not counted, because the servers still compile. */
  readonly warmUps: number
  /** From now on servers have no more than their share. @throws AbsentError */
  limit(): void
  /** Used up to now. */
  spent(): Spent
  /** A CPU profile of the first server while `task` runs; null where none was asked for. */
  profiled(task: () => Promise<unknown>): Promise<Profile | null>
}

export interface StandOptions {
  readonly servers: number
  readonly accounts: number
  readonly blobsEach: number
  /** Whether servers can be profiled. */
  readonly profiles?: boolean
  /** Share of a core that each server may use, all of them behind the balancer; else a single server has a core. */
  readonly share?: number
}

/** What a stand needs and this system does not have, or allow. */
export class AbsentError extends Error {}

/** Servers, and where to ask them. */
interface Started extends AsyncDisposable {
  readonly url: string
  readonly servers: readonly Pick<DevServer, 'pid' | 'logs'>[]
}

/** So many servers behind haproxy; or one with nothing before it. @throws AbsentError */
async function start(count: number, isBalanced: boolean, env: Record<string, string>): Promise<Started> {
  if (isBalanced) {
    requireBalancer()
    const { DATABASE_URL: database = '', ...more } = env
    return startCluster({ servers: count, database, env: more })
  }
  const server = await startDevServer({ env })
  return { url: server.url, servers: [server], [Symbol.asyncDispose]: async () => void (await server.stop()) }
}

function requireBalancer(): void {
  if (isInstalled('haproxy') || existsSync('/usr/sbin/haproxy')) return
  try {
    requirePackages('haproxy', ['haproxy'])
  } catch {
    throw new AbsentError('haproxy is not installed')
  }
}

/** Runs `task` against so many servers on a database that holds so many accounts. */
export async function onServers<T>(options: StandOptions, task: (stand: ServerStand) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
  const profile = join(folder, 'profile.json')
  const limits: (() => void)[] = []
  // Reason: what is started has the cores of who starts it, and an earlier stand may have left one of them.
  pin(process.pid, 0, cpus().length - 1)
  try {
    await using database = await useDatabase('18')
    const { share } = options
    const isBalanced = options.servers > 1 || share !== undefined
    await using started = await start(options.servers, isBalanced, {
      DATABASE_URL: database.url,
      LOGIN_ATTEMPTS_PER_MINUTE: '1000000',
      LOG_LEVEL: 'warn',
      ...(options.profiles === true ? { NODE_OPTIONS: `--import ${PRELOAD}`, BENCH_PROFILE: profile } : {}),
    })
    await fill(database.url, options)
    const pids = started.servers.map((server) => server.pid)
    const postmaster = await postmasterOf(database.url)
    if (!isBalanced) onePerCore({ server: pids[0] ?? 0, postmaster })
    const { url } = started
    try {
      return await task({
        url,
        register: await servedAccounts(url),
        warmUps: share === undefined ? 1 : 4 * options.servers,
        limit() {
          if (share !== undefined) for (const pid of pids) limits.push(limited(pid, share))
        },
        spent: () => ({
          servers: sumOf(pids),
          database: sumOf([postmaster, ...descendants(postmaster)]),
          balancer: sumOf(descendants(process.pid).filter((pid) => nameOf(pid) === 'haproxy')),
          clients: cpuMs(process.pid),
        }),
        async profiled(work) {
          if (options.profiles !== true) return null
          process.kill(pids[0] ?? 0, 'SIGUSR2')
          await work()
          process.kill(pids[0] ?? 0, 'SIGUSR2')
          while (!existsSync(profile)) await delay(50)
          const written: Profile = JSON.parse(readFileSync(profile, 'utf8'))
          rmSync(profile)
          return written
        },
      })
    } catch (cause) {
      if (cause instanceof AbsentError) throw cause
      // Reason: the logs end with the servers.
      for (const { logs } of started.servers) process.stderr.write(logs())
      throw cause
    }
  } finally {
    for (const lift of limits) lift()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @throws AbsentError */
function limited(pid: number, share: number): () => void {
  const lift = limitCpu(pid, share)
  if (typeof lift === 'string') throw new AbsentError(lift)
  return lift
}

/** The server has the first core; the database and the clients share the other. */
function onePerCore({ server, postmaster }: { server: number; postmaster: number }): void {
  if (cpus().length < 2) return
  pin(postmaster, 1)
  pin(process.pid, 1)
  pin(server, 0)
}

async function fill(connectionString: string, { accounts, blobsEach }: StandOptions): Promise<void> {
  // Half a million accounts are written by a few statements, some of them of minutes.
  const filler = connectDatabase({ connectionString, max: 2, query_timeout: 60 * 60_000 }, () => undefined)
  await populate(filler, { accounts, blobsEach })
  await filler.destroy()
}

async function postmasterOf(connectionString: string): Promise<number> {
  const connection = new pg.Client({ connectionString })
  await connection.connect()
  const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = parentOf(rows[0]?.pid ?? 0)
  await connection.end()
  return pid
}

function sumOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
}
