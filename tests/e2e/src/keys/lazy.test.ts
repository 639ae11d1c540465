import { randomBytes } from 'node:crypto'
import type { Platform } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, collect, freshLogin, loginDevice, registerDevice } from '../sdk/sdk.ts'

const DAY_MS = 24 * 60 * 60 * 1000
let server: DevServer
beforeAll(async () => {
  server = await startDevServer()
})
afterAll(() => server.stop())

/** A device whose clock is so many days off, and the paths of its requests. */
function device(clock: { days: number }, paths: string[] = [], refuse: { path: string } = { path: '' }) {
  return (platform: Platform): Platform => ({
    ...platform,
    clock: { ...platform.clock, nowMs: () => Date.now() + clock.days * DAY_MS },
    transport: async (url, request) => {
      const path = new URL(url).pathname
      paths.push(`${request.method} ${path}`)
      if (refuse.path !== '' && path.endsWith(refuse.path)) {
        return { status: 500, header: () => null, bytes: async () => new Uint8Array() }
      }
      return await platform.transport(url, request)
    },
  })
}

const reservations = (paths: string[]) => paths.filter((path) => path === 'POST /v1/blobs').length

describe('opening a file whose key is due', () => {
  it('gives it a new key afterwards, once, and keeps its version', async () => {
    const login = freshLogin()
    const clock = { days: -400 }
    await using old = await registerDevice(server.url, login, device(clock))
    const content = new Uint8Array(randomBytes(300_000))
    await old.session.drive.put(bytesSource(content), '/old.bin')
    const before = await old.session.drive.versions('/old.bin')
    const paths: string[] = []
    await using now = await loginDevice(server.url, login, device({ days: 0 }, paths))
    const { drive, keys } = now.session
    expect((await keys.status()).due).toEqual({ contents: 1, bytes: 300_000 })
    const sink = bytesSink()
    await drive.get('/old.bin', sink)
    expect(Buffer.compare(sink.bytes(), content)).toBe(0)
    await expect.poll(async () => (await keys.status()).due.contents).toBe(0)
    expect(reservations(paths)).toBe(1)
    expect(await drive.versions('/old.bin')).toEqual(before)
    expect(Buffer.compare(await collect(drive.getRange('/old.bin', { offset: 0 })), content)).toBe(0)
    // A device that has seen the old one last reads the new one.
    const again = bytesSink()
    clock.days = 0
    await old.session.drive.get('/old.bin', again)
    expect(Buffer.compare(again.bytes(), content)).toBe(0)
    // Not in a loop, whatever the clocks say: the future counts as now.
    await drive.get('/old.bin', bytesSink())
    await old.session.drive.get('/old.bin', bytesSink())
    expect(reservations(paths)).toBe(1)
    expect(keys.lazyFailure).toBeNull()
  })

  it('does so for a few files of a session, never for large ones, and not where the policy says never', async () => {
    const login = freshLogin()
    await using old = await registerDevice(server.url, login, device({ days: -400 }))
    for (let index = 0; index < 6; index += 1) {
      await old.session.drive.put(bytesSource(new Uint8Array(randomBytes(100))), `/file-${index}`)
    }
    await old.session.drive.put(bytesSource(new Uint8Array(8 * 1024 * 1024)), '/large')
    const paths: string[] = []
    await using now = await loginDevice(server.url, login, device({ days: 0 }, paths))
    const { drive, keys } = now.session
    await keys.setPolicy({ contentDays: null })
    await drive.get('/file-0', bytesSink())
    await keys.setPolicy({ contentDays: 365 })
    await drive.get('/large', bytesSink())
    for (let index = 0; index < 6; index += 1) await drive.get(`/file-${index}`, bytesSink())
    await now.session.close()
    expect(reservations(paths)).toBe(4)
    await using later = await loginDevice(server.url, login)
    expect((await later.session.keys.status()).due.contents).toBe(3)
  })

  it('leaves the open alone when the server refuses', async () => {
    const login = freshLogin()
    await using old = await registerDevice(server.url, login, device({ days: -400 }))
    const content = new Uint8Array(randomBytes(100))
    await old.session.drive.put(bytesSource(content), '/file')
    const refuse = { path: '' }
    await using now = await loginDevice(server.url, login, device({ days: 0 }, [], refuse))
    refuse.path = '/v1/blobs'
    const sink = bytesSink()
    await now.session.drive.get('/file', sink)
    expect(Buffer.compare(sink.bytes(), content)).toBe(0)
    await now.session.close()
    expect(now.session.keys.lazyFailure).toMatchObject({ code: 'server' })
    await using later = await loginDevice(server.url, login)
    expect((await later.session.keys.status()).due.contents).toBe(1)
  })
})
