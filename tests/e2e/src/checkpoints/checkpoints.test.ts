import { type Platform, Strongroom } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, freshLogin, loginDevice, registerDevice } from '../sdk/sdk.ts'
import { bulkWriter } from './bulk-writer.ts'

const soak = process.env.STRONGROOM_SOAK === '1'
const COMMITS = 5000
const FILES = soak ? 500_000 : 100_000
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

const report = (what: string, startMs: number) =>
  process.stderr.write(`${what}: ${((performance.now() - startMs) / 1000).toFixed(2)} s\n`)

describe('a vault of many commits', () => {
  it(`lets a device that is ${COMMITS} commits behind catch up and verify`, async () => {
    const login = freshLogin()
    await using writer = await registerDevice(server.url, login)
    await using late = await loginDevice(server.url, login)
    await late.session.drive.mkdir('/first')
    const bulk = await bulkWriter(writer)
    let start = performance.now()
    for (let index = 0; index < COMMITS; index += 1) await bulk.commit(bulk.folder(`folder ${index}`).operations)
    report(`${COMMITS} commits appended`, start)

    await writer.session.drive.mkdir('/last')
    await writer.session.close()
    start = performance.now()
    expect(await late.session.drive.sync()).toBeGreaterThan(COMMITS)
    report(`${COMMITS} commits caught up with`, start)
    expect((await late.session.drive.list('/')).length).toBe(COMMITS + 2)

    const paths: string[] = []
    start = performance.now()
    await using fresh = await loginDevice(server.url, login, watching(paths))
    const entries = await fresh.session.drive.list('/')
    report('new device, login and list', start)
    expect(entries).toEqual(await late.session.drive.list('/'))
    expect(paths.filter((path) => path.startsWith('commits?'))).toEqual([`commits?from=${COMMITS + 3}`])
  })
})

describe(`a vault of ${FILES} files`, () => {
  it('opens on a new device from a checkpoint', async () => {
    const login = freshLogin()
    await using writer = await registerDevice(server.url, login)
    const bulk = await bulkWriter(writer)
    let start = performance.now()
    for (let done = 0; done < FILES; done += FILES_PER_COMMIT) {
      const { nodeId, operations } = bulk.folder(`folder ${done}`)
      const names = Array.from({ length: FILES_PER_COMMIT }, (_, index) => `IMG_${done + index}.jpeg`)
      await bulk.commit([...operations, ...(await bulk.files(nodeId, names))])
    }
    report(`${FILES} files committed`, start)
    start = performance.now()
    await writer.session.drive.mkdir('/last')
    report('whole log read', start)
    start = performance.now()
    await writer.session.close()
    report('checkpoint written', start)

    const paths: string[] = []
    await using fresh = await loginDevice(server.url, login, watching(paths))
    start = performance.now()
    const count = await fresh.session.drive.sync()
    report(`${FILES} files opened from a checkpoint`, start)
    expect(count).toBe(bulk.state.seq + 3)
    const commits = FILES / FILES_PER_COMMIT
    expect(paths.filter((path) => path.startsWith('commits?'))).toEqual([`commits?from=${commits + 2}`])
    const sink = bytesSink()
    await fresh.session.drive.get(`/folder 0/IMG_7.jpeg`, sink)
    expect(new TextDecoder().decode(sink.bytes())).toBe('the same in every file')
    await fresh.session.close()

    start = performance.now()
    const again = await Strongroom.resume(fresh.platform)
    if (again === null) throw new Error('the profile is gone')
    expect((await again.drive.list('/')).length).toBe(commits + 1)
    report(`${FILES} files opened from the local index`, start)
    start = performance.now()
    await again.drive.mkdir('/one more')
    await again.drive.sync()
    report('one change to the local index', start)
    await again.close()
  })
})
