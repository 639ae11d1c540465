import { type Platform, Strongroom } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, freshLogin, loginDevice, registerDevice } from '../sdk/sdk.ts'
import { bulkWriter } from './bulk-writer.ts'

const soak = process.env.STRONGROOM_SOAK === '1'
const COMMITS = soak ? 5000 : 2000
const MINUTES = soak ? 30 : 5
const FILES = soak ? 500_000 : 50_000
const FILES_PER_COMMIT = 2500

let server: DevServer
beforeAll(async () => {
  server = await startDevServer()
})
afterAll(async () => {
  await server?.stop()
})

/** Writes down the API paths that a device asks for. */
function watching(paths: string[]): (platform: Platform) => Platform {
  return (platform) => ({
    ...platform,
    transport: (url, request) => {
      const { pathname, search } = new URL(url)
      paths.push(pathname.replace(/^.*\//, '') + search)
      return platform.transport(url, request)
    },
  })
}

/** Sequence numbers from which commits were asked for. */
const readFrom = (paths: readonly string[]): number[] =>
  paths.filter((path) => path.startsWith('commits?')).map((path) => Number(/from=(\d+)/.exec(path)?.[1]))

interface Mark {
  readonly ms: number
  readonly cpu: NodeJS.CpuUsage
}

const mark = (): Mark => ({ ms: performance.now(), cpu: process.cpuUsage() })

/** Prints what a step took here: on the clock, and of this process's CPU. */
function report(what: string, from: Mark): void {
  const { user, system } = process.cpuUsage(from.cpu)
  const seconds = ((performance.now() - from.ms) / 1000).toFixed(2)
  process.stderr.write(`${what}: ${seconds} s, CPU ${((user + system) / 1e6).toFixed(2)} s\n`)
}

describe('a vault of many commits', { timeout: MINUTES * 60_000 }, () => {
  it(`lets a device that is ${COMMITS} commits behind catch up and verify`, async () => {
    const login = freshLogin()
    await using writer = await registerDevice(server.url, login)
    await using late = await loginDevice(server.url, login)
    await late.session.drive.mkdir('/first')
    const bulk = await bulkWriter(writer)
    let start = mark()
    for (let index = 0; index < COMMITS; index += 1) await bulk.commit(bulk.folder(`folder ${index}`).operations)
    report(`${COMMITS} commits appended`, start)

    await writer.session.drive.mkdir('/last')
    await writer.session.close()
    start = mark()
    expect(await late.session.drive.sync()).toBeGreaterThan(COMMITS)
    report(`${COMMITS} commits caught up with`, start)
    expect((await late.session.drive.list('/')).length).toBe(COMMITS + 2)

    const paths: string[] = []
    start = mark()
    await using fresh = await loginDevice(server.url, login, watching(paths))
    const entries = await fresh.session.drive.list('/')
    report('new device, login and list', start)
    expect(entries).toEqual(await late.session.drive.list('/'))
    expect(Math.min(...readFrom(paths))).toBeGreaterThan(COMMITS)
  })
})

describe(`a vault of ${FILES} files`, { timeout: MINUTES * 60_000 }, () => {
  it('opens on a new device from a checkpoint', async () => {
    const login = freshLogin()
    await using writer = await registerDevice(server.url, login)
    const bulk = await bulkWriter(writer)
    let start = mark()
    for (let done = 0; done < FILES; done += FILES_PER_COMMIT) {
      const { nodeId, operations } = bulk.folder(`folder ${done}`)
      const names = Array.from({ length: FILES_PER_COMMIT }, (_, index) => `IMG_${done + index}.jpeg`)
      await bulk.commit([...operations, ...(await bulk.files(nodeId, names))])
    }
    report(`${FILES} files committed`, start)
    start = mark()
    await writer.session.drive.mkdir('/last')
    report('whole log read', start)
    start = mark()
    await writer.session.close()
    report('checkpoint written', start)

    const paths: string[] = []
    start = mark()
    await using fresh = await loginDevice(server.url, login, watching(paths))
    const commits = FILES / FILES_PER_COMMIT
    expect((await fresh.session.drive.list('/')).length).toBe(commits + 1)
    report(`${FILES} files: new device, login and list from a checkpoint`, start)
    expect(Math.min(...readFrom(paths))).toBeGreaterThan(commits)
    const sink = bytesSink()
    await fresh.session.drive.get(`/folder 0/IMG_7.jpeg`, sink)
    expect(new TextDecoder().decode(sink.bytes())).toBe('the same in every file')
    await fresh.session.close()

    start = mark()
    const again = await Strongroom.resume(fresh.platform)
    if (again === null) throw new Error('the profile is gone')
    expect((await again.drive.list('/')).length).toBe(commits + 1)
    report(`${FILES} files opened from the local index`, start)
    start = mark()
    await again.drive.mkdir('/one more')
    await again.drive.sync()
    report('one change to the local index', start)
    await again.close()
  })
})
