import {
  ClientError,
  type Clock,
  type Platform,
  type SeekableSource,
  type Session,
  Strongroom,
} from '@strongroom/client'
import { toHex } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { inlineCipher } from '../../../../packages/client/src/content/inline.ts'
import { systemClock } from '../../../../packages/client/src/platform/clock.ts'
import { httpTransport } from '../../../../packages/client/src/platform/node/http-transport.ts'
import { openSignedIn } from '../../../../packages/client/src/session/profile-keys.ts'
import { quickOpaque } from '../../../model/src/opaque.ts'
import { type ModelStore, modelStore } from '../../../model/src/state-store.ts'
import { type History, observed } from './history.ts'

const PASSWORD = 'correct horse battery staple 41'
/** How much sooner than by their own patience clients try again. */
const HASTE = 5
/** Silence after which clients in haste give a connection up, in milliseconds. */
const IDLE_MS = 2_500

/** One device of an account, whose process can crash. */
export interface HistoryDevice {
  readonly name: string
  readonly login: string
  /** Hex. */
  readonly vault: string
  readonly session: Session
  readonly store: ModelStore
  readonly platform: Platform
  /** From now on silence counts as a lost connection soon. */
  hasten(): void
  /** Resolves when the process that runs now has crashed and the next one has begun. */
  readonly crashed: Promise<void>
  /** Ends the process between two instructions; resolves when the next one has begun. */
  crash(): Promise<void>
  close(): Promise<void>
}

export interface DeviceInput {
  readonly server: string
  readonly login: string
  readonly name: string
  readonly history: History
  readonly register?: boolean
}

/** How much the clock of a device is off, by name; for all devices. */
export const clockOffsets = new Map<string, number>()

function hastyClock(name: string): Clock {
  return {
    nowMs: () => Date.now() + (clockOffsets.get(name) ?? 0),
    sleep: (ms, signal) => systemClock.sleep(ms / HASTE, signal),
  }
}

/** Signs in; the first device of an account registers it. */
export async function openHistoryDevice(input: DeviceInput): Promise<HistoryDevice> {
  const { server, login, name, history } = input
  const [patient, hasty] = [httpTransport(), httpTransport({ idleMs: IDLE_MS })]
  let inHaste = false
  const real = observed((url, request) => (inHaste ? hasty : patient)(url, request), history, name)
  let store = modelStore()
  // A process that has crashed gets no answers any more.
  let process = 0
  const platformOf = (own: ModelStore): Platform => {
    const number = process
    const dead = new Promise<never>(() => undefined)
    const engine = nodeEngine()
    return {
      engine,
      transport: async (url, request) => {
        if (number !== process) return await dead
        const answer = await real(url, request)
        return number === process ? answer : await dead
      },
      store: own,
      clock: hastyClock(name),
      opaque: quickOpaque(),
      content: inlineCipher(engine),
    }
  }
  let platform = platformOf(store)
  const credentials = { server, login, password: PASSWORD, deviceName: name, platform }
  let session = input.register
    ? await Strongroom.register({ ...credentials, onRecoveryKey: () => undefined })
    : await Strongroom.login(credentials)
  const vault = await vaultOf(platform)
  let restarted = turn()
  return {
    name,
    login,
    vault,
    get session() {
      return session
    },
    get store() {
      return store
    },
    get platform() {
      return platform
    },
    hasten() {
      inHaste = true
    },
    get crashed() {
      return restarted.over
    },
    async crash() {
      process += 1
      store = store.afterCrash()
      platform = platformOf(store)
      session = await resumed(platform)
      restarted.end()
      restarted = turn()
    },
    close: () => session.close(),
  }
}

function turn(): { readonly over: Promise<void>; end(): void } {
  let end = () => {}
  const over = new Promise<void>((resolve) => {
    end = resolve
  })
  return { over, end: () => end() }
}

/** Starts again until a server can be reached. */
async function resumed(platform: Platform): Promise<Session> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await Strongroom.resume(platform)
      if (session === null) throw new Error('a device keeps its profile')
      return session
    } catch (error) {
      if (attempt >= 60 || !(error instanceof ClientError) || error.code !== 'network') throw error
      await systemClock.sleep(500)
    }
  }
}

async function vaultOf(platform: Platform): Promise<string> {
  const signedIn = await openSignedIn(platform)
  if (signedIn === null) throw new Error('a device keeps its profile')
  return toHex(signedIn.keyring.vaultId)
}

/** Bytes as a file, whose modification time tells it from all others. */
export function bytesSource(bytes: Uint8Array, mtimeMs: number): SeekableSource {
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
