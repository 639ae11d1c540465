import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { client, ready } from '@serenity-kit/opaque'
import { encodeBytes } from '@strongroom/protocol'
import { takeTurns } from '../packages/client/src/vault-log/turns.ts'
import { authorCommit } from '../packages/server/src/testing/author.ts'
import { commit, storeBlob, type TestAccount } from '../packages/server/src/testing/test-account.ts'
import { flameGraph } from './flame.ts'
import { type RawAnswer, RawConnection, type RawRequest, rawRequest, requestsPerSecond } from './load.ts'
import { perRequest, type ServerStand, type Spent, since } from './server-stand.ts'

export const CLIENTS = 16
export const BLOBS = 100
const CLOCK = { nowMs: () => Date.now(), sleep: (ms: number) => delay(ms) }

/** How much is asked of a server. */
export interface Load {
  readonly stand: ServerStand
  readonly requests: number
  readonly runs: number
  /** Takes the flame graph of one more round. */
  readonly picture: ((svg: string) => void) | null
}

export interface Measured {
  readonly perSecond: number[]
  /** CPU milliseconds for one request, of each run. */
  readonly spent: Spent[]
}

/** Requests of one round, ready to be sent, a queue for each client. */
type Queues = readonly (readonly RawRequest[])[]

async function repeated(load: Load, title: string, make: () => Promise<Queues>): Promise<Measured> {
  const { stand, runs, picture } = load
  const result: Measured = { perSecond: [], spent: [] }
  // Reason: a server that compiles has not the figures of one that has run for a minute, least of all on a share of a core.
  for (let run = -stand.warmUps; run < runs; run += 1) {
    const queues = await make()
    if (run === 0) stand.limit()
    const before = stand.spent()
    const perSecond = await requestsPerSecond(stand.url, queues)
    const spent = since(before, stand.spent())
    if (run < 0) continue
    result.perSecond.push(perSecond)
    result.spent.push(perRequest(spent, queues.flat().length))
  }
  if (picture !== null) {
    const queues = await make()
    const profile = await stand.profiled(() => requestsPerSecond(stand.url, queues))
    if (profile !== null) picture(flameGraph(title, profile))
  }
  return result
}

const commitsPath = ({ state }: TestAccount): string => `/v1/vaults/${encodeBytes(state.vaultId)}/commits`

/** Commits of one account, one after the other, signed before they are sent. */
async function commitsOf(account: TestAccount, url: string, count: number): Promise<RawRequest[]> {
  const queue: RawRequest[] = []
  for (let index = 0; index < count; index += 1) {
    const { bytes, next } = await authorCommit(account.author, account.state)
    account.state = next
    const body = { commit: encodeBytes(bytes), wraps: [] }
    const { host } = new URL(url)
    queue.push(rawRequest(host, { method: 'POST', path: commitsPath(account), token: account.token, body }))
  }
  return queue
}

export async function commitsOnMany(load: Load): Promise<Measured> {
  const { stand, requests } = load
  const accounts = await Promise.all(Array.from({ length: CLIENTS }, stand.register))
  return repeated(load, 'Commits on 16 vaults', () =>
    Promise.all(accounts.map((account) => commitsOf(account, stand.url, Math.ceil(requests / CLIENTS)))),
  )
}

export async function commitsOnOne(load: Load): Promise<Measured> {
  const { stand, requests } = load
  const account = await stand.register()
  return repeated(load, 'Commits on one vault', async () => [
    await commitsOf(account, stand.url, Math.ceil(requests / 4)),
  ])
}

export interface Raced extends Measured {
  /** Requests that came too late for each one that did not. */
  readonly lost: number[]
  /** Commits of the client that had the fewest, as a share of what each would have had; and of who had the most. */
  readonly fewest: number[]
  readonly most: number[]
}

/**
 * Sixteen clients append to one vault. Who comes too late fetches what it has missed and signs anew; before that it
 * waits as the product's client does, or not at all.
 */
export async function commitsRacing(load: Load, { waits }: { waits: boolean }): Promise<Raced> {
  const { stand, requests, runs, picture } = load
  const account = await stand.register()
  const result: Raced = { perSecond: [], spent: [], lost: [], fewest: [], most: [] }
  const count = Math.ceil(requests / 8)
  for (let run = -1; run < runs; run += 1) {
    const before = stand.spent()
    const begun = performance.now()
    const { lost, landed } = await race(stand.url, account, { count, waits })
    if (run < 0) continue
    result.perSecond.push(count / ((performance.now() - begun) / 1000))
    result.spent.push(perRequest(since(before, stand.spent()), count))
    result.lost.push(lost / count)
    result.fewest.push((Math.min(...landed) / (count / CLIENTS)) * 100)
    result.most.push((Math.max(...landed) / (count / CLIENTS)) * 100)
  }
  if (picture !== null) {
    const profile = await stand.profiled(() => race(stand.url, account, { count, waits }))
    if (profile !== null) picture(flameGraph('16 clients racing for one vault', profile))
  }
  return result
}

async function race(
  url: string,
  account: TestAccount,
  { count, waits }: { count: number; waits: boolean },
): Promise<{ lost: number; landed: number[] }> {
  const { host } = new URL(url)
  let [left, lost] = [count, 0]
  const landed = await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const connection = await RawConnection.open(url)
      const turns = waits ? takeTurns({ engine: { randomBytes }, clock: CLOCK }) : null
      let [own, attempt, base] = [0, 0, account.state]
      while (left > 0) {
        if (attempt === 0) await turns?.next(undefined)
        const { bytes, next } = await authorCommit(account.author, base)
        const body = { commit: encodeBytes(bytes), wraps: [] }
        const path = commitsPath(account)
        const answer = await connection.ask(rawRequest(host, { method: 'POST', path, token: account.token, body }))
        if (answer.status === 200) {
          left -= 1
          own += 1
          attempt = 0
          turns?.landed()
          base = next
          if ((next.head?.seq ?? 0) > (account.state.head?.seq ?? 0)) account.state = next
        } else if (answer.status === 409) {
          lost += 1
          attempt += 1
          await turns?.lost(attempt, undefined)
          base = await caughtUp(connection, host, account, base.head?.seq ?? 0)
        } else throw unexpected(answer)
      }
      connection.close()
      return own
    }),
  )
  return { lost, landed }
}

/**
 * The state after the commits that a client has missed, which it fetches. That they are verified is left out, since all
 * sixteen clients share what is left of one core; each knows the state from the one that has signed it.
 */
async function caughtUp(connection: RawConnection, host: string, account: TestAccount, seq: number) {
  const path = `${commitsPath(account)}?from=${seq + 1}`
  const answer = await connection.ask(rawRequest(host, { method: 'GET', path, token: account.token }))
  if (answer.status !== 200) throw unexpected(answer)
  return account.state
}

function unexpected(answer: RawAnswer): Error {
  return new Error(`the server answered ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`)
}

export async function blobOpens(load: Load, perAnswer: number): Promise<Measured> {
  const { stand, requests } = load
  const account = await stand.register()
  const blobIds: Uint8Array[] = []
  for (let index = 0; index < BLOBS; index += 1) blobIds.push((await storeBlob(account)).blobId)
  const added = await commit(account, { added: blobIds.map((blobId) => ({ blobId })) })
  if (added.code !== 'ok') throw new Error(`the commit was answered ${added.code}`)
  const { host } = new URL(stand.url)
  const vaultId = encodeBytes(account.state.vaultId)
  const texts = blobIds.map(encodeBytes)
  const count = Math.ceil(requests / CLIENTS / (perAnswer === 1 ? 1 : 8))
  return repeated(load, `Opening ${perAnswer === 1 ? 'a blob' : `${perAnswer} blobs`} a request`, async () =>
    Array.from({ length: CLIENTS }, (_, lane) =>
      Array.from({ length: count }, (_, at) => {
        const first = (lane * count + at) % BLOBS
        const body = { vaultId, blobIds: [...texts.slice(first), ...texts.slice(0, first)].slice(0, perAnswer) }
        return rawRequest(host, { method: 'POST', path: '/v1/blobs/open', token: account.token, body })
      }),
    ),
  )
}

export async function loginStarts(load: Load): Promise<Measured> {
  await ready
  const { stand, requests } = load
  const { startLoginRequest: request } = client.startLogin({ password: 'a bench password' })
  const { host } = new URL(stand.url)
  const count = Math.ceil(requests / CLIENTS / 2)
  return repeated(load, 'Login starts', async () =>
    Array.from({ length: CLIENTS }, () =>
      Array.from({ length: count }, () => {
        const body = { login: randomBytes(8).toString('hex'), request }
        return rawRequest(host, { method: 'POST', path: '/v1/login/start', body })
      }),
    ),
  )
}
