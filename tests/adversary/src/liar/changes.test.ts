import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freshLogin, newHome, PASSWORD } from '../../../e2e/src/sdk/sdk.ts'
import { mutationsOf } from '../checks/checks.ts'
import { buildMutant, type Mutant } from '../harness/mutant.ts'
import { jsonAnswer, type Lie, type LyingProxy, startProxy } from '../harness/proxy.ts'
import * as real from '../harness/sdk.ts'
import { dataFolder, type ServerProcess, startServer } from '../harness/server.ts'
import { HEAD, instead, isRoute } from './lies.ts'

/** How long a device listens, and what it may ask in that time: at once, after a second, after two more. */
const LISTEN_MS = 2_500
const MOST_REQUESTS = 3

let data: Awaited<ReturnType<typeof dataFolder>>
let server: ServerProcess
let proxy: LyingProxy
let mutant: Mutant
const login = freshLogin()

beforeAll(async () => {
  data = await dataFolder()
  server = await startServer({ dataFolder: data.path })
  proxy = await startProxy(server.url)
  mutant = await buildMutant(mutationsOf(['a pause before waiting again']), 'tests/adversary/src/harness/sdk.ts')
  const platform = real.nodePlatform({ home: await newHome() })
  const account = { server: proxy.url, login, password: PASSWORD, deviceName: 'first', platform }
  await using session = await real.Strongroom.register({ ...account, onRecoveryKey: () => undefined })
  await session.drive.mkdir('/folder')
})

afterAll(async () => {
  await mutant?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
  await data?.remove()
})

/** What a device of this client hears while it waits for changes, and how often it asks. */
async function listen({ Strongroom, nodePlatform }: typeof real, lie: (seq: number) => Lie) {
  const home = await newHome()
  const platform = nodePlatform({ home })
  await using session = await Strongroom.login({
    ...{ server: proxy.url, login, password: PASSWORD, deviceName: 'listener', platform },
  })
  await session.drive.sync()
  const [{ seq }, heard] = [await Strongroom.state(platform).then((state) => state ?? { seq: -1 }), [] as number[]]
  proxy.forget()
  proxy.tell(lie(seq))
  try {
    for await (const count of session.drive.changes({ signal: AbortSignal.timeout(LISTEN_MS) })) heard.push(count)
    throw new Error('the changes have ended')
  } catch (error) {
    expect(error).toMatchObject({ code: 'aborted' })
  } finally {
    proxy.tell(null)
    await rm(home, { recursive: true, force: true })
  }
  return { heard, requests: proxy.exchanges.filter(({ request }) => isRoute(request, 'GET', HEAD)).length }
}

const foreign = Buffer.alloc(32, 7).toString('base64url')
const head = (seq: number) => instead('GET', HEAD, () => jsonAnswer(200, { seq, hash: foreign }))

describe('a server that lies to who waits for changes', () => {
  it.each([
    ['shows an older head', (seq: number) => head(seq - 1)],
    ['answers at once with a foreign hash', (seq: number) => head(seq)],
    ['shows a foreign head far away', (seq: number) => head(seq + 1_000_000)],
  ] as const)('%s: a hint, which changes nothing and is not asked for without end', async (_name, lie) => {
    const { heard, requests } = await listen(real, lie)
    expect(heard).toEqual([])
    expect(requests).toBeGreaterThanOrEqual(2)
    expect(requests).toBeLessThanOrEqual(MOST_REQUESTS)
    const flood = await listen((await import(mutant.main)) as typeof real, lie)
    expect(flood.requests, 'the mutant does not stop').toBeGreaterThan(3 * MOST_REQUESTS)
  })
})
