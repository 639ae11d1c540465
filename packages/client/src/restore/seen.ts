import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  concat,
  type DeviceId,
  equalBytes,
  localKey,
  open,
  readU32,
  type SecretBytes,
  seal,
  sealContext,
  u32,
  u64,
  utf8,
} from '@strongroom/crypto'
import type { Clock, SeenName, StateStore } from '../ports.ts'
import { decodeRecords, encodeRecord, type SeenRecord } from './records.ts'

/** How long a device keeps what it has seen. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
/** Before what is added at once goes into another entry. */
const ENTRY_BYTES = 4 * 1024 * 1024
const FRAME = utf8('SR-SEEN1')
const ID_LENGTH = 16
const HEAD_LENGTH = FRAME.length + ID_LENGTH + 4

export interface SeenOptions {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly store: StateStore
  readonly accountKey: AccountKey
  readonly accountId: AccountId
  readonly deviceId: DeviceId
}

/** What this device has seen in the last 30 days, for a server that was set back to an older backup. */
export interface SeenStore {
  /** Never fails: what cannot be kept is missing later, and nothing else. */
  add(records: readonly SeenRecord[]): Promise<void>
  /** Resolves once all that was added so far is kept. */
  kept(): Promise<void>
  /** In the order in which they were added; what cannot be read is left out. */
  load(): Promise<SeenRecord[]>
}

/**
 * Files of one period of 30 days each, used in turn; only ever appended to. The file of the next period, which held the
 * one before the last, is removed with the first entry that a process adds.
 *
 * Entry: `"SR-SEEN1" ‖ id(16) ‖ u32 length ‖ seal(u64 time ‖ records)`, sealed under a key of account and device.
 */
export function seenStore(options: SeenOptions): SeenStore {
  const { engine, clock, store, accountId, deviceId } = options
  let tidied: number | null = null
  /** Entries are appended one after the other. */
  let turn: Promise<void> = Promise.resolve()
  const withKey = async <T>(task: (key: SecretBytes) => Promise<T>): Promise<T> => {
    const key = await localKey(engine, options.accountKey, { accountId, deviceId })
    try {
      return await task(key)
    } finally {
      key.dispose()
    }
  }

  const append = async (plain: readonly Uint8Array[]): Promise<void> => {
    const nowMs = clock.nowMs()
    const period = Math.floor(nowMs / KEPT_MS)
    if (tidied !== period) await store.remove(nameOf(period + 1))
    tidied = period
    const id = engine.randomBytes(ID_LENGTH)
    const context = sealContext('local-journal', accountId, deviceId, id)
    const sealed = await withKey((key) => seal(engine, key, context, concat(u64(nowMs), ...plain)))
    await store.append(nameOf(period), concat(FRAME, id, u32(sealed.length), sealed))
  }

  const read = async (key: SecretBytes, name: SeenName): Promise<SeenRecord[]> => {
    const bytes = (await store.load(name)) ?? new Uint8Array(0)
    const since = clock.nowMs() - KEPT_MS
    const records: SeenRecord[] = []
    for (let offset = nextFrame(bytes, 0); offset >= 0; ) {
      const end = offset + HEAD_LENGTH + (offset + HEAD_LENGTH <= bytes.length ? readU32(bytes, offset + 24) : 0)
      const id = bytes.slice(offset + FRAME.length, offset + FRAME.length + ID_LENGTH)
      const found = await openEntry(key, id, bytes.subarray(offset + HEAD_LENGTH, end))
      if (found !== null && found.timeMs >= since) records.push(...found.records)
      // What a crash has torn, or a disk has damaged, ends at the next frame.
      offset = nextFrame(bytes, found === null ? offset + 1 : end)
    }
    return records
  }

  const openEntry = async (key: SecretBytes, id: Uint8Array, sealed: Uint8Array) => {
    try {
      const bytes = await open(engine, key, sealContext('local-journal', accountId, deviceId, id), sealed)
      const timeMs = readU32(bytes, 0) * 0x1_0000_0000 + readU32(bytes, 4)
      return { timeMs, records: decodeRecords(bytes.subarray(8)) }
    } catch {
      return null
    }
  }

  const keep = async (records: readonly SeenRecord[]): Promise<void> => {
    try {
      let [plain, length]: [Uint8Array[], number] = [[], 0]
      for (const record of records.map(encodeRecord)) {
        if (length > 0 && length + record.length > ENTRY_BYTES) {
          await append(plain)
          ;[plain, length] = [[], 0]
        }
        plain.push(record)
        length += record.length
      }
      if (length > 0) await append(plain)
    } catch {
      // Reason: a full disk must not stop what the user wanted; restoring says what is missing.
    }
  }

  return {
    add(records) {
      turn = turn.then(() => keep(records))
      return turn
    },
    kept: () => turn,
    load: () =>
      withKey(async (key) => {
        const period = Math.floor(clock.nowMs() / KEPT_MS)
        return [...(await read(key, nameOf(period - 1))), ...(await read(key, nameOf(period)))]
      }),
  }
}

function nameOf(period: number): SeenName {
  const names = ['seen0', 'seen1', 'seen2'] as const
  return names[(((period % 3) + 3) % 3) as 0 | 1 | 2]
}

/** Where the next entry begins, or -1. */
function nextFrame(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(FRAME[0] ?? 0, from); at >= 0; at = bytes.indexOf(FRAME[0] ?? 0, at + 1)) {
    if (equalBytes(bytes.subarray(at, at + FRAME.length), FRAME)) return at
  }
  return -1
}
