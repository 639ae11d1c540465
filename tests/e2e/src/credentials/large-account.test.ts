import { ClientError, type Platform, type Session, Strongroom, type TreeItem } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { CountingProxy } from '../journeys/counting-proxy.ts'
import { bytesSink, bytesSource, freshLogin, newHome } from '../sdk/sdk.ts'

const [FIRST, SECOND, THIRD] = [
  'first password of three 41',
  'second password of three 42',
  'third password of three 43',
]
const FILES = 10_000
const BATCH = 625

let server: DevServer
let proxy: CountingProxy
beforeAll(async () => {
  server = await startDevServer({ env: { LOGIN_ATTEMPTS_PER_MINUTE: '10000' } })
  proxy = await CountingProxy.start()
  proxy.forwardTo(server.url)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.stop()
})

/** A platform that counts how often a password is stretched. */
function counted(platform: Platform): Platform & { stretchings: number } {
  const counting = {
    ...platform,
    stretchings: 0,
    opaque: {
      ...platform.opaque,
      finishLogin: (input: Parameters<Platform['opaque']['finishLogin']>[0]) => {
        counting.stretchings += 1
        return platform.opaque.finishLogin(input)
      },
      finishRegistration: (input: Parameters<Platform['opaque']['finishRegistration']>[0]) => {
        counting.stretchings += 1
        return platform.opaque.finishRegistration(input)
      },
    },
  }
  return counting
}

async function* smallFiles(): AsyncGenerator<TreeItem> {
  for (let index = 0; index < BATCH; index += 1) {
    const source = bytesSource(new TextEncoder().encode(`file ${index}`))
    yield { kind: 'file', path: `/0/${index}`, source, mtimeMs: source.mtimeMs }
  }
}

/** Doubles the files until there are enough: copies share content, but are files. */
async function fill(session: Session): Promise<void> {
  await session.drive.mkdir('/0')
  expect((await session.drive.putTree(smallFiles())).failures).toEqual([])
  for (let count = BATCH, name = 0; count < FILES; count *= 2, name += 1) {
    await session.drive.mkdir(`/${name + 1}`)
    await session.drive.copy(`/${name}`, `/${name + 1}/left`, { recursive: true })
    await session.drive.move(`/${name}`, `/${name + 1}/right`)
  }
}

async function works(task: () => Promise<unknown>): Promise<boolean> {
  try {
    const value = await task()
    if (typeof value === 'object' && value !== null && 'close' in value) await (value as Session).close()
    return true
  } catch (error) {
    if (error instanceof ClientError && error.code === 'authentication') return false
    throw error
  }
}

it('with 10,000 files, password change and recovery take a handful of requests and move no file bytes', async () => {
  const login = freshLogin()
  const common = { server: proxy.url, login, deviceName: 'one' }
  const platform = counted(nodePlatform({ home: await newHome() }))
  let recoveryKey = ''
  const onRecoveryKey = (text: string): void => {
    recoveryKey = text
  }
  const session = await Strongroom.register({ ...common, password: FIRST, platform, onRecoveryKey })
  await fill(session)
  expect((await session.drive.find('*', { kind: 'file' })).length).toBe(FILES)

  const otherPlatform = nodePlatform({ home: await newHome() })
  const signIn = async (password: string) =>
    Strongroom.login({ ...common, password, platform: nodePlatform({ home: await newHome() }) })
  const other = await Strongroom.login({ ...common, password: FIRST, platform: otherPlatform })
  const recoverTo = async (key: string, newPassword: string, where: Platform) =>
    Strongroom.recover({ ...common, recoveryKey: key, newPassword, platform: where, onRecoveryKey })

  expect([await works(() => signIn(FIRST)), await works(() => other.whoami())]).toEqual([true, true])
  proxy.take()
  platform.stretchings = 0
  await session.changePassword({ current: FIRST, next: SECOND })
  const changing = proxy.take()
  expect(changing.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /v1/login/start',
    'GET /v1/account/credentials',
    'POST /v1/account/credentials/start',
    'POST /v1/account/credentials',
  ])
  expect(changing.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(4096)
  expect(platform.stretchings).toBe(2)
  expect([await works(() => signIn(FIRST)), await works(() => other.whoami())]).toEqual([false, false])
  expect([await works(() => signIn(SECOND)), await works(() => session.whoami())]).toEqual([true, true])
  await other.close()

  const oldKey = recoveryKey
  expect(await session.testRecoveryKey(oldKey)).toBe(true)
  proxy.take()
  platform.stretchings = 0
  const recovered = await recoverTo(oldKey, THIRD, platform)
  const recovering = proxy.take()
  expect(recovering.slice(0, 4).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v1/info',
    'POST /v1/recovery/open',
    'POST /v1/recovery/start',
    'POST /v1/recovery/finish',
  ])
  // What follows is what any login does on a device that knows the vault.
  expect(recovering.length).toBeLessThan(12)
  expect(recovering.filter(({ path }) => /^\/v1\/(store|blobs)/.test(path))).toEqual([])
  expect(recovering.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(8192)
  expect(platform.stretchings).toBe(1)
  expect(await works(() => session.whoami())).toBe(false)
  expect([await works(() => signIn(FIRST)), await works(() => signIn(SECOND))]).toEqual([false, false])
  expect(await works(() => recoverTo(oldKey, SECOND, otherPlatform))).toBe(false)
  expect([await works(() => signIn(THIRD)), await recovered.testRecoveryKey(recoveryKey)]).toEqual([true, true])
  const sink = bytesSink()
  const [deepest] = await recovered.drive.find('624', { kind: 'file' })
  await recovered.drive.get(deepest?.path ?? '', sink)
  expect(new TextDecoder().decode(sink.bytes())).toBe('file 624')
  await recovered.close()
  await session.close()
}, 300_000)
