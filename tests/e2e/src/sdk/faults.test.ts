import { randomBytes } from 'node:crypto'
import { ClientError, type Platform, Strongroom, type Transport } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DevServer, startDevServer } from '../../../dev-env/server.ts'
import { bytesSink, bytesSource, freshLogin, loginDevice, PASSWORD, registerDevice, type SdkDevice } from './sdk.ts'

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

const text = (value: string) => bytesSource(new TextEncoder().encode(value))

async function read(path: string, from = device): Promise<string> {
  const sink = bytesSink()
  await from.session.drive.get(path, sink)
  return new TextDecoder().decode(sink.bytes())
}

/** A platform whose network may be interfered with once `fault` is set. */
function faulty(fault: { run: ((real: Transport, ...call: Parameters<Transport>) => ReturnType<Transport>) | null }) {
  return (platform: Platform): Platform => ({
    ...platform,
    transport: (url, request) =>
      fault.run === null ? platform.transport(url, request) : fault.run(platform.transport, url, request),
  })
}

type Fault = Parameters<typeof faulty>[0]

/** Answers the request's body changed. */
async function changedBody(
  real: ReturnType<Transport>,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
) {
  const response = await real
  return { ...response, bytes: async (most: number) => change(await response.bytes(most)) }
}

describe('a login', () => {
  it.each(['pins', 'profile'] as const)('that cannot keep its %s fails, and has committed nothing', async (name) => {
    const sent: string[] = []
    let store: Platform['store'] | null = null
    const unkept = (platform: Platform): Platform => {
      store = platform.store
      const save: Platform['store']['save'] = async (which, bytes) => {
        if (which === name) throw new ClientError('local_io', 'The disk is full.')
        await platform.store.save(which, bytes)
      }
      const transport: Transport = (url, request) => {
        sent.push(`${request.method} ${new URL(url).pathname.replace(/^.*\//, '')}`)
        return platform.transport(url, request)
      }
      return { ...platform, store: { ...platform.store, save }, transport }
    }
    await expect(loginDevice(server.url, login, unkept)).rejects.toMatchObject({ code: 'local_io' })
    expect(sent).toContain('POST finish')
    expect(sent).not.toContain('POST commits')
    expect(await (store as Platform['store'] | null)?.load('profile')).toBeNull()
  })
})

describe('two devices', () => {
  it('both commit when they write at the same time', async () => {
    await using other = await loginDevice(server.url, login)
    await device.session.drive.mkdir('/race')
    const writes = Array.from({ length: 6 }, (_, index) =>
      (index % 2 === 0 ? device : other).session.drive.put(text(`${index}`), `/race/${index}`),
    )
    await Promise.all(writes)
    const names = (await device.session.drive.list('/race')).map((entry) => entry.name)
    expect(names).toEqual(['0', '1', '2', '3', '4', '5'])
  })

  it('pin what the other has done only once they keep it, however slow their disk is', async () => {
    const done: string[] = []
    await using other = await loginDevice(server.url, login, (platform) => ({
      ...platform,
      store: {
        ...platform.store,
        async append(name, bytes) {
          if (name.startsWith('seen')) await platform.clock.sleep(50)
          await platform.store.append(name, bytes)
          if (name.startsWith('seen')) done.push('kept')
        },
        async save(name, bytes) {
          if (name === 'pins') done.push('pinned')
          await platform.store.save(name, bytes)
        },
      },
    }))
    await device.session.drive.mkdir('/kept before it is pinned')
    done.length = 0
    await other.session.drive.sync()
    expect(done).toEqual(['kept', 'pinned'])
  })

  it('never lose a change: the later of two versions becomes a conflict copy', async () => {
    await device.session.drive.put(text('base'), '/note.txt')
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    await other.session.drive.sync()
    let done = false
    fault.run = async (real, url, request) => {
      if (!done && request.method === 'POST' && url.endsWith('/commits')) {
        done = true
        await device.session.drive.put(text('mine'), '/note.txt')
      }
      return await real(url, request)
    }
    const result = await other.session.drive.put(text('theirs'), '/note.txt')
    expect(result.path).toMatch(/^\/note \(conflict, second device, .*\)\.txt$/)
    expect(await read('/note.txt')).toBe('mine')
    expect(await read(result.path)).toBe('theirs')
  })
})

describe('a lost answer', () => {
  it('to a commit does not make the change twice', async () => {
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    let lost = 0
    fault.run = async (real, url, request) => {
      const response = await real(url, request)
      if (request.method === 'POST' && url.endsWith('/commits') && lost < 2) {
        lost += 1
        if (lost === 1) await device.session.drive.put(text('between'), '/between')
        throw Object.assign(await networkError(), {})
      }
      return response
    }
    await other.session.drive.put(text('once'), '/once.txt', { conflict: 'keep-both' })
    expect(lost).toBe(2)
    const names = (await device.session.drive.list('/')).map((entry) => entry.name)
    expect(names.filter((name) => name.startsWith('once'))).toEqual(['once.txt'])
  })

  /** A device without patience: it repeats what failed at once. */
  const impatient = (fault: Fault) => {
    const hurry = (platform: Platform) => ({ ...platform, clock: { ...platform.clock, sleep: async () => undefined } })
    return loginDevice(server.url, login, (platform) => hurry(faulty(fault)(platform)))
  }
  const isCommit = (url: string, { method }: { method: string }) => method === 'POST' && url.endsWith('/commits')

  it('to a commit and all its repetitions is found in the log', async () => {
    const fault: Fault = { run: null }
    await using other = await impatient(fault)
    let lost = 0
    fault.run = async (real, url, request) => {
      const response = await real(url, request)
      if (!isCommit(url, request)) return response
      lost += 1
      throw await networkError()
    }
    const result = await other.session.drive.put(text('found'), '/found.txt', { conflict: 'keep-both' })
    expect(lost).toBe(6)
    expect(result).toMatchObject({ path: '/found.txt', outcome: 'created' })
    fault.run = null
    expect(await device.session.drive.versions('/found.txt')).toHaveLength(1)
    await other.session.drive.put(text('and goes on'), '/found.txt')
    expect(await read('/found.txt')).toBe('and goes on')
  })

  it('to a commit, with nobody left to ask, is told as unknown', async () => {
    const fault: Fault = { run: null }
    await using other = await impatient(fault)
    let cut = false
    fault.run = async (real, url, request) => {
      if (cut) throw await networkError()
      const response = await real(url, request)
      cut = isCommit(url, request)
      if (cut) throw await networkError()
      return response
    }
    const failure = { code: 'network', details: { reason: 'commit_unknown' } }
    await expect(other.session.drive.mkdir('/unknown')).rejects.toMatchObject(failure)
    fault.run = null
    expect((await other.session.drive.stat('/unknown')).kind).toBe('folder')
  })

  it('to a part, a URL or a reservation is asked for again', async () => {
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    const bytes = new Uint8Array(randomBytes(20_000_000))
    const seen = new Map<string, number>()
    fault.run = async (real, url, request) => {
      const key = `${request.method} ${new URL(url).pathname.replace(/[A-Za-z0-9_-]{20,}/g, ':id')}`
      const count = (seen.get(key) ?? 0) + 1
      seen.set(key, count)
      const response = await real(url, request)
      // The first request of every kind is answered into the void.
      if (count === 1) throw await networkError()
      return response
    }
    await other.session.drive.put(bytesSource(bytes), '/flaky')
    const sink = bytesSink()
    await other.session.drive.get('/flaky', sink)
    expect(Buffer.compare(sink.bytes(), bytes)).toBe(0)
  })
})

describe('a lost answer to the last request of a registration', () => {
  it('ends in the session of the account that was made', async () => {
    const name = freshLogin()
    let lost = 0
    const fault: Fault = {
      run: async (real, url, request) => {
        const response = await real(url, request)
        if (url.endsWith('/register/finish')) {
          lost += 1
          throw await networkError()
        }
        return response
      },
    }
    await using made = await registerDevice(server.url, name, faulty(fault))
    expect(lost).toBe(1)
    await made.session.drive.put(text('here'), '/a')
    await using other = await loginDevice(server.url, name)
    expect(await read('/a', other)).toBe('here')
  })
})

/** A real network error, from a port where nobody listens. */
async function networkError(): Promise<Error> {
  return await nodePlatform()
    .transport('http://127.0.0.1:9', { method: 'GET', headers: {} })
    .then(
      () => new Error('someone listens on port 9'),
      (error: Error) => error,
    )
}

describe('tampering', () => {
  it('with a part is an integrity stop, asked for once, with nothing released', async () => {
    await device.session.drive.put(bytesSource(new Uint8Array(randomBytes(300_000))), '/tampered')
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    let asked = 0
    fault.run = (real, url, request) => {
      if (request.headers.range === undefined) return real(url, request)
      asked += 1
      return changedBody(real(url, request), (bytes) => {
        bytes[1000] = (bytes[1000] ?? 0) ^ 1
        return bytes
      })
    }
    const written: Uint8Array[] = []
    const sink = {
      open: async () => ({
        write: async (bytes: Uint8Array) => {
          written.push(bytes)
        },
        commit: async () => {},
        abort: async () => {},
      }),
    }
    await expect(other.session.drive.get('/tampered', sink)).rejects.toMatchObject({ code: 'integrity' })
    expect(asked).toBe(1)
    expect(written).toEqual([])
  })

  it('with the digest list or a wrapped key is an integrity stop', async () => {
    await device.session.drive.put(text('secret'), '/opened')
    for (const field of ['digests', 'wraps'] as const) {
      const fault: Fault = { run: null }
      await using other = await loginDevice(server.url, login, faulty(fault))
      fault.run = (real, url, request) =>
        url.endsWith('/blobs/open')
          ? changedBody(real(url, request), (bytes) => {
              const answer = JSON.parse(new TextDecoder().decode(bytes))
              const blob = answer.blobs[0]
              if (field === 'digests') blob.digests = flip(blob.digests)
              else blob.wraps[0].bytes = flip(blob.wraps[0].bytes)
              return new TextEncoder().encode(JSON.stringify(answer))
            })
          : real(url, request)
      await expect(other.session.drive.get('/opened', bytesSink())).rejects.toMatchObject({ code: 'integrity' })
    }
  })

  it('with a commit is an integrity stop', async () => {
    const fault: Fault = { run: null }
    fault.run = (real, url, request) =>
      /\/commits\?/.test(url)
        ? changedBody(real(url, request), (bytes) => {
            const answer = JSON.parse(new TextDecoder().decode(bytes))
            answer.commits[1] = flip(answer.commits[1])
            return new TextEncoder().encode(JSON.stringify(answer))
          })
        : real(url, request)
    await expect(loginDevice(server.url, login, faulty(fault))).rejects.toMatchObject({ code: 'integrity' })
  })

  it('by hiding the newest commits is an integrity stop for a device that saw them', async () => {
    const fault: Fault = { run: null }
    let old: Uint8Array<ArrayBuffer> | null = null
    fault.run = (real, url, request) =>
      changedBody(real(url, request), (bytes) => {
        if (/\/commits\?from=0/.test(url)) old ??= bytes
        return bytes
      })
    await using other = await loginDevice(server.url, login, faulty(fault))
    await device.session.drive.put(text('newer'), '/newer')
    await other.session.drive.sync()
    const kept = old
    if (kept === null) throw new Error('nothing was kept')
    // The same device after a restart that lost its cache, but not its pins.
    await other.platform.store.remove('cache')
    fault.run = (real, url, request) =>
      /\/commits\?/.test(url) ? changedBody(real(url, request), () => kept) : real(url, request)
    const resumed = await Strongroom.resume(other.platform)
    await expect(resumed?.drive.list('/')).rejects.toMatchObject({ code: 'integrity' })
    await resumed?.close()
    // And while it still has its state.
    await expect(other.session.drive.sync()).rejects.toMatchObject({ code: 'integrity' })
  })

  it("with the server's key stops every later login", async () => {
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    fault.run = (real, url, request) =>
      url.endsWith('/v1/info')
        ? changedBody(real(url, request), (bytes) => {
            const answer = JSON.parse(new TextDecoder().decode(bytes))
            answer.opaquePublicKey = flip(answer.opaquePublicKey)
            return new TextEncoder().encode(JSON.stringify(answer))
          })
        : real(url, request)
    const input = { server: server.url, login, password: PASSWORD, deviceName: 'x', platform: other.platform }
    await expect(Strongroom.login(input)).rejects.toMatchObject({ code: 'integrity' })
  })

  it('with a presigned URL never sends anything elsewhere', async () => {
    const fault: Fault = { run: null }
    await using other = await loginDevice(server.url, login, faulty(fault))
    const hosts = new Set<string>()
    fault.run = (real, url, request) => {
      hosts.add(new URL(url).origin)
      return url.endsWith('/blobs/open')
        ? changedBody(real(url, request), (bytes) => {
            const answer = JSON.parse(new TextDecoder().decode(bytes))
            answer.blobs[0].url = `http://127.0.0.1:1${answer.blobs[0].url}`
            return new TextEncoder().encode(JSON.stringify(answer))
          })
        : real(url, request)
    }
    await expect(other.session.drive.get('/opened', bytesSink())).rejects.toMatchObject({ code: 'integrity' })
    expect([...hosts]).toEqual([server.url])
  })
})

/** The same base64url text with one bit changed near its end. */
function flip(encoded: string): string {
  const bytes = Buffer.from(encoded, 'base64url')
  const last = bytes.length - 1
  bytes[last] = (bytes[last] ?? 0) ^ 1
  return bytes.toString('base64url')
}
