import type { Platform, Transport } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { freshLogin, loginDevice, registerDevice, type SdkDevice } from '../sdk/sdk.ts'

const DAY = 24 * 60 * 60 * 1000

/** What the device's clock and the server's answers are ahead by, and what happens before the next commit is sent. */
const world = { ownMs: 0, serverMs: 0, beforeCommit: null as null | (() => Promise<unknown>) }

let server: DevServer
let device: SdkDevice
let other: SdkDevice

function shifted(platform: Platform): Platform {
  const transport: Transport = async (url, request) => {
    if (request.method === 'POST' && url.endsWith('/commits') && world.beforeCommit !== null) {
      const task = world.beforeCommit
      world.beforeCommit = null
      await task()
    }
    const response = await platform.transport(url, request)
    if (!url.endsWith('/v1/info')) return response
    return {
      ...response,
      status: response.status,
      header: (name) => response.header(name),
      async bytes(maxLength) {
        const info = JSON.parse(new TextDecoder().decode(await response.bytes(maxLength)))
        return new TextEncoder().encode(JSON.stringify({ ...info, timeMs: info.timeMs + world.serverMs }))
      },
    }
  }
  const clock = { ...platform.clock, nowMs: () => Date.now() + world.ownMs }
  return { ...platform, transport, clock }
}

beforeAll(async () => {
  server = await startDevServer()
  const login = freshLogin()
  device = await registerDevice(server.url, login, shifted)
  other = await loginDevice(server.url, login)
})
afterAll(async () => {
  for (const each of [device, other]) await each[Symbol.asyncDispose]()
  await server.stop()
})

const trashed = async () => (await other.session.drive.listTrash()).map((entry) => entry.path)

/** Both clocks so many days later. */
const later = (days: number) => {
  world.ownMs = days * DAY
  world.serverMs = days * DAY
}

describe('retention', () => {
  it('destroys nothing because one clock runs ahead, also of the server', async () => {
    const { drive } = device.session
    for (const path of ['/old', '/older']) {
      await drive.mkdir(path)
      await drive.trash(path, { recursive: true })
    }
    for (const [own, served] of [
      [400, 0],
      [410, 0],
      [0, 400],
      [0, 410],
    ] as const) {
      world.ownMs = own * DAY
      world.serverMs = served * DAY
      for (let times = 0; times < 3; times += 1) expect(await drive.tidy()).toEqual({ trashed: 0, versions: 0 })
    }
    expect(await trashed()).toHaveLength(2)
  })

  it('announces what is old enough, and destroys it a week later, unless it was restored meanwhile', async () => {
    const { drive } = device.session
    later(31)
    expect(await drive.tidy()).toEqual({ trashed: 0, versions: 0 })
    expect(await trashed()).toHaveLength(2)
    await other.session.drive.restore('/older')
    later(39)
    expect(await drive.tidy()).toEqual({ trashed: 1, versions: 0 })
    expect(await trashed()).toEqual([])
    expect((await other.session.drive.list('/')).map((entry) => entry.path)).toEqual(['/older'])
  })

  it('leaves alone what another device restores in the very moment', async () => {
    const { drive } = device.session
    later(0)
    await drive.trash('/older', { recursive: true })
    later(31)
    await drive.tidy()
    later(39)
    world.beforeCommit = () => other.session.drive.restore('/older')
    await drive.tidy()
    expect(world.beforeCommit).toBeNull()
    expect((await other.session.drive.list('/')).map((entry) => entry.path)).toEqual(['/older'])
  })

  it('is not what emptying the trash does either', async () => {
    const { drive } = device.session
    later(0)
    await drive.trash('/older', { recursive: true })
    world.beforeCommit = () => other.session.drive.restore('/older')
    await drive.emptyTrash()
    expect((await other.session.drive.list('/')).map((entry) => entry.path)).toEqual(['/older'])
  })

  it('follows the policy of the account, which every device sees', async () => {
    await device.session.drive.setRetention({ trashDays: null, versionDays: 90 })
    await other.session.drive.sync()
    expect(other.session.drive.retention()).toEqual({ trashDays: null, versionDays: 90 })
    await expect(device.session.drive.setRetention({ trashDays: 0 })).rejects.toMatchObject({ code: 'usage' })
  })
})
