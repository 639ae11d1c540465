import { randomBytes } from 'node:crypto'
import type { FileSink, Transport, TransportResponse, TreeItem, TreeSink } from '@strongroom/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, freshLogin, registerDevice, type SdkDevice } from './sdk.ts'

/** Places of a call to begin with, and at most. */
const [START, MOST] = [4, 4]
/** Too large to travel with a reservation; each is one part. */
const SINGLE = { size: 300_000, files: 8 }
/** Two parts each. */
const DOUBLE = { size: 9_000_000, files: 4 }
type Kind = typeof SINGLE
const contents = new Map(
  [SINGLE, DOUBLE].map((kind) => [kind, Array.from({ length: kind.files }, () => randomBytes(kind.size))]),
)

let server: DevServer
let device: SdkDevice
let intercept: (next: Transport) => Transport = (next) => next
let skewMs = 0

beforeAll(async () => {
  server = await startDevServer()
  device = await registerDevice(server.url, freshLogin(), (platform) => ({
    ...platform,
    transport: (url, request) => intercept(platform.transport)(url, request),
    clock: {
      nowMs: () => platform.clock.nowMs() + skewMs,
      // Time passes at once.
      async sleep(ms) {
        const until = device.platform.clock.nowMs() + ms
        await new Promise((done) => setImmediate(done))
        skewMs = Math.max(skewMs, Math.ceil(until - platform.clock.nowMs()))
      },
    },
  }))
  expect((await device.session.drive.putTree(items('/single', SINGLE))).failures).toEqual([])
  expect((await device.session.drive.putTree(items('/double', DOUBLE))).failures).toEqual([])
})

afterEach(() => {
  intercept = (next) => next
})

afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  await server?.stop()
})

async function* items(folder: string, kind: Kind): AsyncGenerator<TreeItem> {
  yield { path: folder, kind: 'folder', mtimeMs: 0 }
  for (const [index, content] of (contents.get(kind) ?? []).entries()) {
    yield { path: `${folder}/${index}`, kind: 'file', source: bytesSource(content), mtimeMs: index }
  }
}

function memoryTree(): TreeSink & { readonly files: Map<string, ReturnType<typeof bytesSink>> } {
  const files = new Map<string, ReturnType<typeof bytesSink>>()
  return {
    files,
    folder: async () => {},
    symlink: async () => {},
    finish: async () => {},
    file(path): FileSink {
      const sink = bytesSink()
      files.set(path, sink)
      return sink
    },
  }
}

/** Holds the store's parts back until `START` of them are asked for; counts those under way. */
function heldParts(method: 'GET' | 'PUT') {
  const seen = { most: 0 }
  let under = 0
  let open = (): void => undefined
  const enough = new Promise<void>((done) => {
    open = done
  })
  intercept = (next) => async (url, request) => {
    if (request.method !== method || !new URL(url).pathname.startsWith('/v1/store/')) return next(url, request)
    under += 1
    seen.most = Math.max(seen.most, under)
    if (under >= START) open()
    await enough
    const answer = await next(url, request)
    return {
      ...answer,
      bytes: (...input: Parameters<TransportResponse['bytes']>) =>
        answer.bytes(...input).finally(() => {
          under -= 1
        }),
    }
  }
  return seen
}

describe('larger files of a tree', () => {
  it('go up side by side, no more of their parts than the call has places', async () => {
    const seen = heldParts('PUT')
    const result = await device.session.drive.putTree(items('/up', SINGLE))
    expect(result).toMatchObject({ files: SINGLE.files, failures: [] })
    expect(seen.most).toBeGreaterThanOrEqual(START)
    expect(seen.most).toBeLessThanOrEqual(MOST)
  })

  it('come down side by side, no more of their parts than the call has places', async () => {
    const seen = heldParts('GET')
    const sink = memoryTree()
    expect(await device.session.drive.getTree('/double', sink)).toMatchObject({ files: DOUBLE.files, failures: [] })
    expect(seen.most).toBeGreaterThanOrEqual(START)
    expect(seen.most).toBeLessThanOrEqual(MOST)
    for (const [index, content] of (contents.get(DOUBLE) ?? []).entries()) {
      expect(Buffer.compare(sink.files.get(`${index}`)?.bytes() ?? new Uint8Array(0), content)).toBe(0)
    }
  })

  it('keep to one rate, all together', async () => {
    const [{ size, files }, rate] = [SINGLE, 100_000]
    const { nowMs } = device.platform.clock
    for (const transfer of [
      () => device.session.drive.getTree('/single', memoryTree(), { limitRate: rate }),
      () => device.session.drive.putTree(items('/slow', SINGLE), { limitRate: rate }),
    ]) {
      const begun = nowMs()
      expect(await transfer()).toMatchObject({ files, failures: [] })
      // The first part goes at once.
      expect(nowMs() - begun).toBeGreaterThan(((files - 1) * size * 1000) / rate)
    }
  })

  const answer = (status: number): TransportResponse => ({
    status,
    header: () => null,
    bytes: async () => new Uint8Array(0),
  })
  const isPart: (...call: Parameters<Transport>) => boolean = (url, { method }) =>
    method === 'PUT' && new URL(url).pathname.startsWith('/v1/store/')

  it('go on where one of them finds no room, and are there', async () => {
    let puts = 0
    intercept = (next) => async (url, request) => {
      if (isPart(url, request)) puts += 1
      return isPart(url, request) && puts === 3 ? answer(507) : await next(url, request)
    }
    await expect(device.session.drive.putTree(items('/full', SINGLE))).rejects.toMatchObject({ code: 'quota' })
    intercept = (next) => next
    expect(puts).toBeGreaterThanOrEqual(3)
    expect(await device.session.drive.list('/full')).toHaveLength(puts - 1)
  })

  it('end with the first that ends the call otherwise', async () => {
    let puts = 0
    let ended = 0
    let secondBegins = (): void => undefined
    const second = new Promise<void>((done) => {
      secondBegins = done
    })
    intercept = (next) => async (url, request) => {
      if (!isPart(url, request)) return await next(url, request)
      puts += 1
      if (puts === 1) {
        await second
        return answer(302)
      }
      const { signal } = request
      const aborted = new Promise((done) => signal?.addEventListener('abort', done))
      secondBegins()
      if (signal?.aborted === false) await aborted
      ended += 1
      return await next(url, request)
    }
    await expect(device.session.drive.putTree(items('/moved', SINGLE))).rejects.toMatchObject({ code: 'integrity' })
    expect(ended).toBe(puts - 1)
    expect(ended).toBeGreaterThan(0)
  })
})
