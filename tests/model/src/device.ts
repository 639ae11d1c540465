import {
  ClientError,
  type Clock,
  type Platform,
  type SeekableSource,
  type Session,
  Strongroom,
} from '@strongroom/client'
import { nodeEngine } from '@strongroom/crypto/node'
import { inlineCipher } from '../../../packages/client/src/content/inline.ts'
import type { TestServer } from '../../../packages/server/src/testing/test-server.ts'
import { quickOpaque } from './opaque.ts'
import { seededBytes } from './random.ts'
import { type ModelStore, modelStore } from './state-store.ts'
import { modelTransport, ORIGIN, type Trouble } from './wire.ts'

const PASSWORD = 'correct horse battery staple 41'

/** A device that crashes, and comes back with what it had stored. */
export interface Device {
  readonly name: string
  readonly store: ModelStore
  readonly session: Session
  readonly platform: Platform
  /** What happens to requests from now on; null: nothing. */
  trouble: Trouble | null
  /** Goes on as after a crash; what the process before is waiting for never comes. */
  restart(options?: { readonly loseCache?: boolean }): Promise<void>
  close(): Promise<void>
}

export interface DeviceOptions {
  readonly server: TestServer
  readonly login: string
  readonly name: string
  /** Of all that this device chooses at random. */
  readonly seed: string
  readonly register?: boolean
}

/** A device that is logged in; the first one of an account registers it. */
export async function openDevice(options: DeviceOptions): Promise<Device> {
  const { server, login, name } = options
  const engine = { ...nodeEngine(), randomBytes: seededBytes(`${options.seed}/${name}`) }
  let trouble: Trouble | null = null
  let store = modelStore()
  // A process that has crashed gets no answers any more.
  let process = 0
  const platformOf = (own: ModelStore): Platform => {
    const number = process
    const dead = new Promise<never>(() => undefined)
    const real = modelTransport(server, () => trouble)
    return {
      engine,
      transport: async (url, request) => {
        if (number !== process) return await dead
        const answer = await real(url, request)
        return number === process ? answer : await dead
      },
      store: own,
      clock: quickClock(),
      opaque: quickOpaque(),
      content: inlineCipher(engine),
    }
  }
  let platform = platformOf(store)
  const credentials = { server: ORIGIN, login, password: PASSWORD, deviceName: name, platform }
  let session = options.register
    ? await Strongroom.register({ ...credentials, onRecoveryKey: () => undefined })
    : await Strongroom.login(credentials)
  return {
    name,
    get store() {
      return store
    },
    get session() {
      return session
    },
    get platform() {
      return platform
    },
    get trouble() {
      return trouble
    },
    set trouble(next) {
      trouble = next
    },
    async restart({ loseCache = false } = {}) {
      process += 1
      trouble = null
      store = store.afterCrash()
      if (loseCache) {
        await store.remove('cache')
        await store.remove('cacheLog')
      }
      platform = platformOf(store)
      const resumed = await Strongroom.resume(platform)
      if (resumed === null) throw new Error('a device keeps its profile')
      session = resumed
    },
    close: () => session.close(),
  }
}

/** A clock on which waiting takes no time. */
function quickClock(): Clock {
  let nowMs = Date.UTC(2026, 0, 2, 3, 4)
  return {
    nowMs: () => nowMs,
    async sleep(ms, signal) {
      if (signal?.aborted) throw new ClientError('aborted', 'The operation was interrupted.')
      nowMs += Math.ceil(ms)
    },
  }
}

/** A text as a file, whose modification time tells it from all others. */
export function textSource(text: string, mtimeMs: number): SeekableSource {
  const bytes = new TextEncoder().encode(text)
  return {
    kind: 'seekable',
    size: bytes.length,
    mtimeMs,
    open: async () => ({
      async read(offset, target) {
        const part = bytes.subarray(offset, offset + target.length)
        target.set(part)
        return part.length
      },
      isUnchanged: async () => true,
      close: async () => undefined,
    }),
  }
}
