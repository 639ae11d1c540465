import { cp, rm } from 'node:fs/promises'
import { type Platform, Strongroom } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bulkWriter } from '../checkpoints/bulk-writer.ts'
import { bytesSink, freshLogin, loginDevice, newHome, PASSWORD } from '../sdk/sdk.ts'

const FILES = 10_000
let server: DevServer
beforeAll(async () => {
  server = await startDevServer()
})
afterAll(() => server.stop())

interface Traffic {
  paths: string[]
  sentBytes: number
  stretchings: number
}

/** Counts requests, their bytes, and how often a password is stretched. */
function counting(traffic: Traffic): (platform: Platform) => Platform {
  return (platform) => ({
    ...platform,
    transport: (url, request) => {
      traffic.paths.push(`${request.method} ${new URL(url).pathname}`)
      traffic.sentBytes += request.body?.length ?? 0
      return platform.transport(url, request)
    },
    opaque: {
      ...platform.opaque,
      startLogin: (password) => platform.opaque.startLogin(password),
      finishLogin: (input) => {
        traffic.stretchings += 1
        return platform.opaque.finishLogin(input)
      },
      startRegistration: (password) => platform.opaque.startRegistration(password),
      finishRegistration: (input) => {
        traffic.stretchings += 1
        return platform.opaque.finishRegistration(input)
      },
      hasMemory: (mebibytes) => platform.opaque.hasMemory(mebibytes),
      close: () => platform.opaque.close(),
    },
  })
}

describe(`an account with ${FILES} files`, () => {
  it('gets a new account key by one stretching and a handful of requests, and no file moves', async () => {
    const login = freshLogin()
    const home = await newHome()
    const traffic: Traffic = { paths: [], sentBytes: 0, stretchings: 0 }
    const platform = counting(traffic)(nodePlatform({ home }))
    let oldKey = ''
    const input = { server: server.url, login, password: PASSWORD, deviceName: 'first device', platform }
    const session = await Strongroom.register({
      ...input,
      onRecoveryKey: (text) => {
        oldKey = text
      },
    })
    const bulk = await bulkWriter({ platform, home, session, [Symbol.asyncDispose]: () => session.close() })
    const { nodeId, operations } = bulk.folder('files')
    await bulk.commit(operations)
    for (let start = 0; start < FILES; start += 2500) {
      const names = Array.from({ length: 2500 }, (_, index) => `file ${start + index}`)
      await bulk.commit(await bulk.files(nodeId, names))
    }
    bulk.close()
    await session.drive.sync()
    await using other = await loginDevice(server.url, login)
    const copied = await newHome()
    await cp(home, copied, { recursive: true })
    // What opens now, and must not afterwards.
    expect(await session.testRecoveryKey(oldKey)).toBe(true)
    await other.session.drive.get('/files/file 9999', bytesSink())
    await (await Strongroom.resume(nodePlatform({ home: copied })))?.close()

    Object.assign(traffic, { paths: [], sentBytes: 0, stretchings: 0 })
    let newKey = ''
    await session.rotateAccountKey({
      password: PASSWORD,
      onRecoveryKey: (text) => {
        newKey = text
      },
    })
    process.stderr.write(`account key: ${traffic.paths.length} requests, ${traffic.sentBytes} bytes sent\n`)
    expect(traffic.stretchings).toBe(1)
    expect(traffic.paths.length).toBeLessThanOrEqual(10)
    expect(traffic.sentBytes).toBeLessThan(20_000)
    expect(traffic.paths.filter((path) => /store|blobs/.test(path))).toEqual([])

    const renewed = await Strongroom.resume(platform)
    if (renewed === null) throw new Error('the device is signed out')
    try {
      expect(await renewed.testRecoveryKey(oldKey)).toBe(false)
      expect(await renewed.testRecoveryKey(newKey)).toBe(true)
      expect((await renewed.drive.list('/files')).length).toBe(FILES)
      const ended = expect.objectContaining({ code: 'authentication' })
      await expect(other.session.drive.sync()).rejects.toEqual(ended)
      // The rotating device's own files, as somebody copied them before: the session lives, the keys do not.
      const thief = await Strongroom.resume(nodePlatform({ home: copied }))
      await expect(thief?.keys.startEpoch()).rejects.toEqual(ended)
      await thief?.close()
      await renewed.revokeOtherSessions()
    } finally {
      await renewed.close()
      for (const folder of [home, copied]) await rm(folder, { recursive: true, force: true })
    }
  })
})
