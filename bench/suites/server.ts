import { randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import { client, ready } from '@serenity-kit/opaque'
import { encodeBytes } from '@strongroom/protocol'
import pg from 'pg'
import { connectDatabase } from '../../packages/server/src/database/connect.ts'
import { authorCommit } from '../../packages/server/src/testing/author.ts'
import { populate } from '../../packages/server/src/testing/populate.ts'
import { commit, storeBlob, type TestAccount } from '../../packages/server/src/testing/test-account.ts'
import { startCluster } from '../../tests/dev-env/engines/cluster.ts'
import { useDatabase } from '../../tests/dev-env/engines/postgres-debian.ts'
import { type RawAnswer, RawConnection, type RawRequest, rawRequest, requestsPerSecond } from '../load.ts'
import type { Row } from '../measure.ts'
import { cpuMs, parentOf, pin } from '../pin.ts'
import { servedAccounts } from '../served-accounts.ts'
import type { Suite, SuiteOptions } from './suite.ts'

const CLIENTS = 16
const BLOBS = 100

/** What is measured against: servers, where to ask them, and how much of each. */
interface Bench {
  readonly url: string
  readonly pids: readonly number[]
  readonly register: () => Promise<TestAccount>
  readonly requests: number
  readonly runs: number
}

interface Measured {
  readonly perSecond: number[]
  /** CPU of the servers for one request. */
  readonly cpuMs: number[]
}

async function repeated(bench: Bench, make: () => Promise<readonly (readonly RawRequest[])[]>): Promise<Measured> {
  const result: Measured = { perSecond: [], cpuMs: [] }
  // Reason: the first round compiles; its figures are not those of a server that has run for a minute.
  for (let run = -1; run < bench.runs; run += 1) {
    const queues = await make()
    const before = bench.pids.reduce((sum, pid) => sum + cpuMs(pid), 0)
    const perSecond = await requestsPerSecond(bench.url, queues)
    const spent = bench.pids.reduce((sum, pid) => sum + cpuMs(pid), 0) - before
    if (run < 0) continue
    result.perSecond.push(perSecond)
    result.cpuMs.push(spent / queues.reduce((sum, queue) => sum + queue.length, 0))
  }
  return result
}

/** Commits of one account, one after the other, signed before they are sent. */
async function commitsOf(account: TestAccount, url: string, count: number): Promise<RawRequest[]> {
  const queue: RawRequest[] = []
  const path = `/v1/vaults/${encodeBytes(account.state.vaultId)}/commits`
  for (let index = 0; index < count; index += 1) {
    const { bytes, next } = await authorCommit(account.author, account.state)
    account.state = next
    const body = { commit: encodeBytes(bytes), wraps: [] }
    queue.push(rawRequest(new URL(url).host, { method: 'POST', path, token: account.token, body }))
  }
  return queue
}

async function commitsOnMany(bench: Bench): Promise<Measured> {
  const accounts = await Promise.all(Array.from({ length: CLIENTS }, bench.register))
  return repeated(bench, () =>
    Promise.all(accounts.map((account) => commitsOf(account, bench.url, Math.ceil(bench.requests / CLIENTS)))),
  )
}

async function commitsOnOne(bench: Bench): Promise<Measured> {
  const account = await bench.register()
  return repeated(bench, async () => [await commitsOf(account, bench.url, Math.ceil(bench.requests / 4))])
}

/** Sixteen clients append to one vault as fast as they can; who comes too late signs anew on the newer head. */
async function commitsRacing(bench: Bench): Promise<number[]> {
  const account = await bench.register()
  const path = `/v1/vaults/${encodeBytes(account.state.vaultId)}/commits`
  const { host } = new URL(bench.url)
  const perSecond: number[] = []
  for (let run = -1; run < bench.runs; run += 1) {
    let left = Math.ceil(bench.requests / 8)
    const count = left
    const begun = performance.now()
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const connection = await RawConnection.open(bench.url)
        while (left > 0) {
          const base = account.state
          const { bytes, next } = await authorCommit(account.author, base)
          const body = { commit: encodeBytes(bytes), wraps: [] }
          const answer = await connection.ask(rawRequest(host, { method: 'POST', path, token: account.token, body }))
          if (answer.status === 200) {
            left -= 1
            if ((next.head?.seq ?? 0) > (account.state.head?.seq ?? 0)) account.state = next
          } else if (answer.status !== 409) throw unexpected(answer)
        }
        connection.close()
      }),
    )
    if (run >= 0) perSecond.push(count / ((performance.now() - begun) / 1000))
  }
  return perSecond
}

function unexpected(answer: RawAnswer): Error {
  return new Error(`the server answered ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`)
}

async function blobOpens(bench: Bench, perRequest: number): Promise<Measured> {
  const account = await bench.register()
  const blobIds: Uint8Array[] = []
  for (let index = 0; index < BLOBS; index += 1) blobIds.push((await storeBlob(account)).blobId)
  const added = await commit(account, { added: blobIds.map((blobId) => ({ blobId })) })
  if (added.code !== 'ok') throw new Error(`the commit was answered ${added.code}`)
  const { host } = new URL(bench.url)
  const vaultId = encodeBytes(account.state.vaultId)
  const count = Math.ceil(bench.requests / CLIENTS / (perRequest === 1 ? 1 : 8))
  return repeated(bench, async () =>
    Array.from({ length: CLIENTS }, (_, lane) =>
      Array.from({ length: count }, (_, at) => {
        const ids = Array.from({ length: perRequest }, (_, n) => blobIds[(lane * count + at + n) % BLOBS] ?? vaultId)
        const body = { vaultId, blobIds: ids.map((id) => (typeof id === 'string' ? id : encodeBytes(id))) }
        return rawRequest(host, { method: 'POST', path: '/v1/blobs/open', token: account.token, body })
      }),
    ),
  )
}

async function loginStarts(bench: Bench): Promise<Measured> {
  await ready
  const { startLoginRequest: request } = client.startLogin({ password: 'a bench password' })
  const { host } = new URL(bench.url)
  const count = Math.ceil(bench.requests / CLIENTS / 2)
  return repeated(bench, async () =>
    Array.from({ length: CLIENTS }, () =>
      Array.from({ length: count }, () => {
        const body = { login: randomBytes(8).toString('hex'), request }
        return rawRequest(host, { method: 'POST', path: '/v1/login/start', body })
      }),
    ),
  )
}

async function postmaster(connectionString: string): Promise<number> {
  const connection = new pg.Client({ connectionString })
  await connection.connect()
  const { rows } = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const pid = parentOf(rows[0]?.pid ?? 0)
  await connection.end()
  return pid
}

/** Runs `task` against so many servers on a database that holds so many accounts; servers have the first core. */
async function onServers<T>(
  { servers, accounts, blobsEach }: { servers: number; accounts: number; blobsEach: number },
  { quick, full }: SuiteOptions,
  task: (bench: Bench) => Promise<T>,
): Promise<T> {
  await using database = await useDatabase('18')
  await using cluster = await startCluster({
    servers,
    database: database.url,
    env: { LOGIN_ATTEMPTS_PER_MINUTE: '1000000', LOG_LEVEL: 'warn' },
  })
  const filler = connectDatabase(
    // Half a million accounts are written by a few statements, each of minutes.
    { connectionString: database.url, max: 2, query_timeout: 30 * 60_000 },
    () => undefined,
  )
  await populate(filler, { accounts, blobsEach })
  await filler.destroy()
  const url = servers === 1 ? (cluster.servers[0]?.url ?? cluster.url) : cluster.url
  const pids = cluster.servers.map((server) => server.pid)
  if (cpus().length > 1) {
    pin(await postmaster(database.url), 1)
    pin(process.pid, 1)
    for (const [index, pid] of pids.entries()) pin(pid, servers === 1 ? 0 : index % 2)
  }
  try {
    return await task({
      url,
      pids,
      register: await servedAccounts(url),
      requests: quick ? 320 : 8_000,
      runs: full ? 5 : quick ? 1 : 3,
    })
  } catch (cause) {
    throw new Error(cluster.servers.map((server) => server.logs()).join('\n'), { cause })
  }
}

export const server: Suite = {
  title: 'Requests a second; the server has one core, the database and the clients share the other',
  async run(options) {
    const rows: Row[] = []
    const add = (task: string, measured: Measured): void => {
      rows.push({ task, by: 'strongroom', samples: measured.perSecond, unit: '/s' })
      rows.push({ task: `${task}: CPU of the server for one`, by: 'strongroom', samples: measured.cpuMs, unit: 'ms' })
    }
    const small = { accounts: 1_000, blobsEach: 10 }
    await onServers({ servers: 1, ...small }, options, async (bench) => {
      add('commits on 16 vaults', await commitsOnMany(bench))
      add('commits on one vault, one client', await commitsOnOne(bench))
      rows.push({
        task: 'commits on one vault, 16 clients racing',
        by: 'strongroom',
        samples: await commitsRacing(bench),
        unit: '/s',
      })
      add('blob opens, one a request', await blobOpens(bench, 1))
      const batch = await blobOpens(bench, BLOBS)
      const samples = batch.perSecond.map((perSecond) => perSecond * BLOBS)
      rows.push({ task: `blobs opened, ${BLOBS} a request`, by: 'strongroom', samples, unit: '/s' })
      add('login starts among 1,000 accounts', await loginStarts(bench))
    })
    await onServers({ servers: 2, ...small }, options, async (bench) => {
      add('commits on 16 vaults, two servers behind haproxy, nothing pinned apart', await commitsOnMany(bench))
    })
    const large = options.quick
      ? { accounts: 2_000, blobsEach: 2 }
      : options.full
        ? { accounts: 500_000, blobsEach: 20 }
        : { accounts: 500_000, blobsEach: 1 }
    await onServers({ servers: 1, ...large }, options, async (bench) => {
      const among = `among ${large.accounts.toLocaleString('en')} accounts with ${large.blobsEach} blobs each`
      add(`login starts ${among}`, await loginStarts(bench))
      add(`commits on 16 vaults ${among}`, await commitsOnMany(bench))
    })
    return rows
  },
}
