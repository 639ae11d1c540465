import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, collect, freshLogin, loginDevice, registerDevice, type SdkDevice } from './sdk.ts'

let server: DevServer
let device: SdkDevice
const login = freshLogin()

beforeAll(async () => {
  server = await startDevServer()
  device = await registerDevice(server.url, login)
})

afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

async function put(path: string, bytes: Uint8Array): Promise<void> {
  await device.session.drive.put(bytesSource(bytes), path, { parents: true })
}

async function get(path: string, from = device): Promise<Uint8Array> {
  const sink = bytesSink()
  await from.session.drive.get(path, sink)
  return sink.bytes()
}

describe('a file', () => {
  it.each([0, 1, 511, 512, 513, 262_112, 262_113, 300_000, 8_387_584, 8_387_585, 20_000_000])(
    'of %d bytes comes back as it was',
    async (size) => {
      const bytes = new Uint8Array(randomBytes(size))
      await put(`/sizes/${size}`, bytes)
      const back = await get(`/sizes/${size}`)
      expect(Buffer.compare(back, bytes)).toBe(0)
    },
  )

  it('is listed with size, time and mode', async () => {
    await put('/meta/a.txt', new Uint8Array(5))
    expect(await device.session.drive.list('/meta')).toMatchObject([
      { path: '/meta/a.txt', name: 'a.txt', kind: 'file', size: 5, mtimeMs: 1_700_000_000_123 },
    ])
  })

  it('tells what is known of it, and a folder what lies below', async () => {
    const { drive } = device.session
    await put('/facts/deep/b.txt', new Uint8Array(700))
    await put('/facts/deep/b.txt', new Uint8Array(900))
    const { nodeId } = await drive.stat('/facts/deep/b.txt')
    expect(drive.facts(nodeId)).toMatchObject({
      entry: { path: '/facts/deep/b.txt', size: 900 },
      versions: 2,
      isFavourite: false,
      files: 0,
    })
    const facts = drive.facts(nodeId)
    expect(facts?.storedBytes).toBeGreaterThan(1600)
    expect(facts?.blobId).toMatch(/^[0-9a-f]{32}$/)
    await drive.setFavourites([nodeId], true)
    expect(drive.facts(nodeId)?.isFavourite).toBe(true)
    const folder = await drive.stat('/facts')
    expect(drive.facts(folder.nodeId)).toMatchObject({ files: 1, folders: 1, bytes: 900, versions: 0, blobId: null })
    await drive.trash('/facts', { recursive: true })
    expect(drive.facts(nodeId)).toBeNull()
  })

  it('is there for another device of the account', async () => {
    await put('/shared.txt', new TextEncoder().encode('hello'))
    await using second = await loginDevice(server.url, login)
    expect(new TextDecoder().decode(await get('/shared.txt', second))).toBe('hello')
  })

  it('gives ranges of an older version', async () => {
    const { drive } = device.session
    const [old, now] = [new Uint8Array(randomBytes(1000)), new Uint8Array(randomBytes(1000))]
    await put('/versions/a', old)
    await put('/versions/a', now)
    const [, older] = await drive.versions('/versions/a')
    const range = { offset: 10, length: 20 }
    const bytes = await collect(drive.getRange('/versions/a', range, { version: older?.versionId }))
    expect(Buffer.compare(bytes, old.subarray(10, 30))).toBe(0)
    expect(Buffer.compare(await collect(drive.getRange('/versions/a', range)), now.subarray(10, 30))).toBe(0)
  })

  it('gives ranges', async () => {
    const bytes = new Uint8Array(randomBytes(17_000_000))
    await put('/range', bytes)
    for (const [offset, length] of [
      [0, 10],
      [8_387_580, 10],
      [16_999_990, 100],
      [5, 16_000_000],
      [17_000_000, 1],
    ] as const) {
      const part = await collect(device.session.drive.getRange('/range', { offset, length }))
      expect(Buffer.compare(part, bytes.subarray(offset, offset + length))).toBe(0)
    }
  })
})
