import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileSink, type Platform, type SeekableSource, type Session, Strongroom } from '@strongroom/client'
import { nodePlatform } from '@strongroom/client/node'

export const PASSWORD = 'correct horse battery staple 41'

/** A device with a profile folder of its own. */
export interface SdkDevice extends AsyncDisposable {
  readonly platform: Platform
  readonly home: string
  readonly session: Session
}

/** A fresh login name. */
export function freshLogin(): string {
  return `user-${randomBytes(6).toString('hex')}`
}

export async function newHome(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'strongroom-sdk-'))
}

/** A new account on a new device. */
export async function registerDevice(
  server: string,
  login: string,
  change: (platform: Platform) => Platform = (platform) => platform,
): Promise<SdkDevice> {
  const home = await newHome()
  const platform = change(nodePlatform({ home }))
  const common = { server, login, password: PASSWORD, deviceName: 'first device', platform }
  const session = await Strongroom.register({ ...common, onRecoveryKey: () => undefined })
  return device(platform, home, session)
}

/** Another device of an account. */
export async function loginDevice(
  server: string,
  login: string,
  change: (platform: Platform) => Platform = (platform) => platform,
): Promise<SdkDevice> {
  const home = await newHome()
  const platform = change(nodePlatform({ home }))
  const session = await Strongroom.login({ server, login, password: PASSWORD, deviceName: 'second device', platform })
  return device(platform, home, session)
}

function device(platform: Platform, home: string, session: Session): SdkDevice {
  return {
    platform,
    home,
    session,
    async [Symbol.asyncDispose]() {
      await session.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array, mtimeMs = 1_700_000_000_123): SeekableSource {
  return {
    kind: 'seekable',
    size: bytes.length,
    mtimeMs,
    async open() {
      return {
        async read(offset, target) {
          const part = bytes.subarray(offset, offset + target.length)
          target.set(part)
          return part.length
        },
        isUnchanged: async () => true,
        close: async () => {},
      }
    },
  }
}

/** Collects a download in memory. */
export function bytesSink(): FileSink & { bytes(): Uint8Array } {
  let parts: Uint8Array[] = []
  let committed = false
  return {
    bytes() {
      if (!committed) throw new Error('nothing was committed')
      return new Uint8Array(Buffer.concat(parts))
    },
    async open() {
      return {
        async write(bytes) {
          parts.push(bytes.slice())
        },
        async commit() {
          committed = true
        },
        async abort() {
          if (!committed) parts = []
        },
      }
    },
  }
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk.slice())
  return new Uint8Array(Buffer.concat(parts))
}
