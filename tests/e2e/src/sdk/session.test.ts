import { type Platform, Strongroom } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSource, freshLogin, loginDevice, PASSWORD, registerDevice, type SdkDevice } from './sdk.ts'

let server: DevServer
let device: SdkDevice
const login = freshLogin()

beforeAll(async () => {
  server = await startDevServer()
  device = await registerDevice(server.url, login)
  await device.session.drive.put(bytesSource(new Uint8Array(1)), '/there')
})

afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

describe('a session', () => {
  it('is taken up again, and then reads only what is new', async () => {
    await using other = await loginDevice(server.url, login)
    await other.session.drive.sync()
    await other.session.close()
    const urls: string[] = []
    const platform: Platform = {
      ...other.platform,
      transport: (url, request) => {
        urls.push(url)
        return other.platform.transport(url, request)
      },
    }
    const resumed = await Strongroom.resume(platform)
    expect((await resumed?.drive.list('/'))?.length).toBeGreaterThan(0)
    const reads = urls.map((url) => new URL(url)).filter((url) => url.pathname.endsWith('/commits'))
    expect(reads.map((url) => Number(url.searchParams.get('from')) > 0)).toEqual([true])
    // Besides, the server's half of the key to the profile.
    expect(urls).toHaveLength(2)
    await resumed?.close()
  })

  it('ends at logout, which keeps the pins', async () => {
    await using other = await loginDevice(server.url, login)
    await other.session.drive.sync()
    await other.session.logout()
    expect(await Strongroom.resume(other.platform)).toBeNull()
    expect(await other.platform.store.load('cache')).toBeNull()
    expect(await other.platform.store.load('pins')).not.toBeNull()
  })

  it('is refused with a wrong password, and with an unknown login the same way', async () => {
    for (const input of [
      { login, password: 'not the password' },
      { login: freshLogin(), password: PASSWORD },
    ]) {
      await using other = await loginDevice(server.url, login)
      const all = { server: server.url, deviceName: 'x', platform: other.platform, ...input }
      await expect(Strongroom.login(all)).rejects.toMatchObject({ code: 'authentication' })
    }
  })

  it('is not made twice for one login name', async () => {
    await using other = await loginDevice(server.url, login)
    const input = { server: server.url, login, password: PASSWORD, deviceName: 'x', platform: other.platform }
    await expect(Strongroom.register({ ...input, onRecoveryKey: () => undefined })).rejects.toMatchObject({
      code: 'login_taken',
    })
  })

  it('stops nothing but the account when the user refuses the recovery key', async () => {
    const name = freshLogin()
    await using other = await loginDevice(server.url, login)
    const input = { server: server.url, login: name, password: PASSWORD, deviceName: 'x', platform: other.platform }
    const refuse = () => Promise.reject(new Error('not now'))
    await expect(Strongroom.register({ ...input, onRecoveryKey: refuse })).rejects.toThrow('not now')
    const made = await Strongroom.register({ ...input, onRecoveryKey: () => undefined })
    expect(made.identity.login).toBe(name)
    await made.close()
  })
})
