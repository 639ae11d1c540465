import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  concat,
  type DeviceId,
  fromHex,
  localKey,
  open,
  type SecretBytes,
  seal,
  sealContext,
  toHex,
  u32,
  utf8,
} from '@strongroom/crypto'
import type { Clock, JournalStore } from '../ports.ts'

/** Sealed records of the transfers of one account on one device. */
export interface Transfers {
  /**
   * Takes a transfer, named by what is sent from where to where, for this process. null where no journals are kept, or
   * another process works at it.
   */
  begin(
    kind: 'put' | 'get' | 'verify' | 'rekey',
    names: readonly string[],
    signal?: AbortSignal,
  ): Promise<Transfer | null>
}

/** One transfer, claimed. */
export interface Transfer {
  /** Hex; says nothing about the names. */
  readonly id: string
  /** The record of an earlier attempt; null when there is none, or one that cannot be opened, which is discarded. */
  load(): Promise<Uint8Array | null>
  /** Saves what `encode` gives by then, soon and in the background; a newer call takes the place of a waiting one. */
  save(encode: () => Uint8Array): void
  /** Resolves once everything that was to be saved is saved. */
  flush(): Promise<void>
  remove(): Promise<void>
  /** Lets another process go on with it. Idempotent. */
  release(): Promise<void>
}

export interface TransfersOptions {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly journals: JournalStore | undefined
  readonly accountKey: AccountKey
  readonly accountId: AccountId
  readonly deviceId: DeviceId
}

/** Records that nobody came back for are removed after this time, in milliseconds: the server has collected the rest. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
const ID_LENGTH = 16
/** Records above this length, in bytes, are not saved after every part, but with these pauses. */
const LARGE = 64 * 1024
const LARGE_PAUSE_MS = 1000

export function openTransfers(options: TransfersOptions): Transfers {
  const { engine, clock, journals, accountId, deviceId } = options
  let swept = false
  const withKey = async <T>(task: (key: SecretBytes) => Promise<T>): Promise<T> => {
    const key = await localKey(engine, options.accountKey, { accountId, deviceId })
    try {
      return await task(key)
    } finally {
      key.dispose()
    }
  }
  const idOf = async (kind: string, names: readonly string[]): Promise<string> => {
    const message = concat(
      utf8('strongroom/transfer'),
      Uint8Array.of(0, 1),
      ...[kind, ...names].map(utf8).flatMap((name) => [u32(name.length), name]),
    )
    const mac = await withKey((key) => key.use((bytes) => engine.hmac('SHA-256', bytes, message)))
    return toHex(mac.subarray(0, ID_LENGTH))
  }
  const sweep = async (store: JournalStore): Promise<void> => {
    for (const { id, savedMs } of await store.list()) {
      if (savedMs < clock.nowMs() - KEPT_MS) await store.remove(id)
    }
  }
  return {
    async begin(kind, names, signal) {
      if (journals === undefined) return null
      if (!swept) await sweep(journals)
      swept = true
      const id = await idOf(kind, names)
      const release = await journals.claim(id, signal)
      if (release === null) return null
      const context = sealContext('local-journal', accountId, deviceId, fromHex(id))
      const sealing = {
        seal: (bytes: Uint8Array) => withKey((key) => seal(engine, key, context, bytes)),
        open: (bytes: Uint8Array) => withKey((key) => open(engine, key, context, bytes)),
      }
      return transfer({ id, journals, clock, sealing, release })
    },
  }
}

interface TransferInput {
  readonly id: string
  readonly journals: JournalStore
  readonly clock: Clock
  readonly sealing: Record<'seal' | 'open', (bytes: Uint8Array) => Promise<Uint8Array>>
  readonly release: () => Promise<void>
}

function transfer({ id, journals, clock, sealing, release }: TransferInput): Transfer {
  let waiting: (() => Uint8Array) | null = null
  let running: Promise<void> | null = null
  let failure: { error: unknown } | null = null
  let lastLength = 0
  let lastMs = 0

  const saveWaiting = async (): Promise<void> => {
    while (waiting !== null) {
      const plain = waiting()
      waiting = null
      try {
        lastLength = plain.length
        lastMs = clock.nowMs()
        await journals.save(id, await sealing.seal(plain))
      } finally {
        // Reason: a record holds keys.
        plain.fill(0)
      }
      if (lastLength > LARGE && waiting !== null) return
    }
  }
  const start = (): void => {
    if (running !== null) return
    running = saveWaiting()
      .catch((error: unknown) => {
        failure = { error }
      })
      .finally(() => {
        running = null
      })
  }
  const flush = async (): Promise<void> => {
    while (running !== null || waiting !== null) {
      start()
      await running
    }
    if (failure !== null) throw failure.error
  }
  return {
    id,
    async load() {
      const sealed = await journals.load(id)
      if (sealed === null) return null
      try {
        return await sealing.open(sealed)
      } catch {
        // Reason: a record that a crash cut short, or of another version, costs no more than its progress.
        await journals.remove(id)
        return null
      }
    },
    save(encode) {
      waiting = encode
      if (lastLength <= LARGE || clock.nowMs() - lastMs >= LARGE_PAUSE_MS) start()
    },
    flush,
    async remove() {
      waiting = null
      await running
      await journals.remove(id)
    },
    release,
  }
}
