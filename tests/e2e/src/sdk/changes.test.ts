import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Platform, TransportResponse } from '@strongroom/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase } from '../../../../packages/server/src/testing/test-database.ts'
import { setup } from '../../../dev-env/global-setup.ts'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSource, freshLogin, loginDevice, registerDevice, type SdkDevice } from './sdk.ts'

let server: DevServer
let writer: SdkDevice
const login = freshLogin()

beforeAll(async () => {
  server = await startDevServer()
  writer = await registerDevice(server.url, login)
})

afterAll(async () => {
  await writer?.[Symbol.asyncDispose]()
  await server?.stop()
})

const put = (path: string) => writer.session.drive.put(bytesSource(new Uint8Array(randomBytes(100))), path)

/** Everything that a device hears, until `stop`. */
function listen(device: SdkDevice) {
  const [heard, stopping] = [[] as number[], new AbortController()]
  const ended = (async () => {
    for await (const count of device.session.drive.changes({ signal: stopping.signal })) heard.push(count)
  })().catch((error: unknown) => error)
  const stop = () => {
    stopping.abort()
    return ended
  }
  return { heard, stop, sum: () => heard.reduce((sum, count) => sum + count, 0) }
}

/** A platform whose requests for the head get a made-up answer. */
function lyingHead(seq: number, counted: { requests: number }) {
  return (platform: Platform): Platform => ({
    ...platform,
    transport: async (url, request): Promise<TransportResponse> => {
      if (!url.includes('/head?')) return platform.transport(url, request)
      counted.requests += 1
      const body = Buffer.from(JSON.stringify({ seq, hash: Buffer.alloc(32).toString('base64url') }))
      return { status: 200, header: () => null, bytes: async () => new Uint8Array(body) }
    },
  })
}

describe('changes', () => {
  it('arrive within seconds of a commit by another device, and end with the signal', async () => {
    await using reader = await loginDevice(server.url, login)
    const listening = listen(reader)
    for (const name of ['/one', '/two', '/three']) {
      const before = listening.sum()
      await put(name)
      await expect.poll(listening.sum, { timeout: 10_000 }).toBeGreaterThan(before)
      expect((await reader.session.drive.find(name.slice(1))).length).toBe(1)
    }
    expect(await listening.stop()).toMatchObject({ code: 'aborted' })
  })

  it('do not tell a session of its own commits', async () => {
    await using reader = await loginDevice(server.url, login)
    await reader.session.drive.sync()
    const listening = listen(reader)
    await reader.session.drive.mkdir('/mine')
    await reader.session.drive.mkdir('/mine too')
    await put('/theirs')
    await expect.poll(listening.sum, { timeout: 10_000 }).toBe(1)
    await listening.stop()
  })

  it('are waited for without a flood of requests, whatever head the server makes up', async () => {
    for (const seq of [0, 1_000_000]) {
      const counted = { requests: 0 }
      await using reader = await loginDevice(server.url, login, lyingHead(seq, counted))
      await reader.session.drive.sync()
      const begunMs = Date.now()
      const listening = listen(reader)
      await expect.poll(() => counted.requests, { timeout: 60_000 }).toBeGreaterThanOrEqual(2)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await listening.stop()
      // With pauses of a second at first, and longer ones then.
      expect(counted.requests).toBeLessThanOrEqual(2 + (Date.now() - begunMs) / 1_000)
      expect(listening.heard).toEqual([])
    }
  })
})

describe('two servers of one database', () => {
  it('tell each other of commits, and stop at once although clients wait', async () => {
    const stopDatabase = await setup()
    const database = await createTestDatabase({ migrated: false })
    const shared = await mkdtemp(join(tmpdir(), 'strongroom-shared-'))
    const env = {
      DATABASE_URL: database.url,
      BLOB_URL: pathToFileURL(join(shared, 'blobs')).href,
      KMS_URL: pathToFileURL(join(shared, 'keys.json')).href,
    }
    const one = await startDevServer({ env })
    const two = await startDevServer({ env })
    try {
      const name = freshLogin()
      await using author = await registerDevice(one.url, name)
      await using reader = await loginDevice(two.url, name)
      await reader.session.drive.sync()
      const listening = listen(reader)
      for (const path of ['/one', '/two']) {
        const before = listening.sum()
        await author.session.drive.put(bytesSource(new Uint8Array(100)), path)
        await expect.poll(listening.sum, { timeout: 10_000 }).toBeGreaterThan(before)
      }
      const startMs = Date.now()
      expect(await two.stop()).toBe(0)
      expect(Date.now() - startMs).toBeLessThan(10_000)
      expect(await listening.stop()).toMatchObject({ code: 'aborted' })
    } finally {
      await Promise.all([one.stop(), two.stop()])
      await database.drop()
      await rm(shared, { recursive: true, force: true })
      await stopDatabase()
    }
  })
})
