import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  concat,
  type DeviceId,
  equalBytes,
  localKey,
  open,
  openInPlace,
  readU32,
  type SecretBytes,
  seal,
  sealContext,
  toHex,
  u32,
  u64,
  type VaultId,
} from '@strongroom/crypto'
import {
  applyDelta,
  type ChainState,
  type DeltaBase,
  decodeChainState,
  decodeOwnState,
  deltaBase,
  encodeChainState,
  encodeDelta,
  encodeState,
  type Origin,
  originOf,
  type VaultState,
} from '@strongroom/vault'
import type { StateStore } from '../ports.ts'
import type { HeadPin } from '../session/pins.ts'

/** Most entries that are appended before the whole is written anew. */
const MOST_ENTRIES = 32

/** Everything that a warm start needs instead of reading the log from its beginning. */
export interface CachedVault {
  readonly chain: ChainState
  readonly state: VaultState
  /** Of sealed bodies since the last commit that named a checkpoint. */
  readonly bodyBytes: number
}

export interface CacheOptions {
  readonly engine: CryptoEngine
  readonly store: StateStore
  readonly accountKey: AccountKey
  readonly accountId: AccountId
  readonly deviceId: DeviceId
  readonly vaultId: VaultId
}

export interface VaultCache {
  /** null when there is none, or it cannot be read, or it does not fit the pin: then it is discarded. */
  load(pin: HeadPin | undefined): Promise<CachedVault | null>
  /** Appends what changed since the last `load` or `save`, or writes the whole where that pays. */
  save(cached: CachedVault): Promise<void>
}

/** What is stored now, as far as this process knows. */
interface Stored {
  /** Random; binds entries to their base. */
  readonly baseId: Uint8Array
  readonly baseLength: number
  entries: number
  entryBytes: number
  /** Of the vault as stored: what the next entry starts from. */
  from: DeltaBase
}

/**
 * The state of a vault on this device: a base, and entries appended to it, each with what changed since the one before.
 * All of it is sealed under a key that only account and device together have.
 *
 * base: `seal(00 ‖ base id(16) ‖ meta ‖ state columns)`; entry: `u32 length ‖ seal(01 ‖ base id(16) ‖ u32 index ‖ meta ‖
 * delta)`; meta: `u64 bodyBytes ‖ u32 length ‖ chain state`.
 */
export function vaultCache(options: CacheOptions): VaultCache {
  const { engine, store, accountId, deviceId, vaultId } = options
  const context = sealContext('local-index', accountId, deviceId, vaultId)
  let stored: Stored | null = null
  const withKey = async <T>(task: (key: SecretBytes) => Promise<T>): Promise<T> => {
    const key = await localKey(engine, options.accountKey, { accountId, deviceId })
    try {
      return await task(key)
    } finally {
      key.dispose()
    }
  }

  const load = async (key: SecretBytes): Promise<CachedVault | null> => {
    const sealed = await store.load('cache')
    if (sealed === null) return null
    const bytes = await openInPlace(engine, key, context, sealed)
    if (bytes[0] !== BASE) return null
    const baseId = bytes.slice(1, 17)
    const base = readMeta(bytes.subarray(17))
    const state = await decodeOwnState(engine, base.rest)
    let { meta } = base
    const log = (await store.load('cacheLog')) ?? new Uint8Array(0)
    let [entries, offset] = [0, 0]
    for (; offset < log.length; entries += 1) {
      const entry = await readEntry(log, offset, (part) => open(engine, key, context, part))
      if (entry === null || !equalBytes(entry.baseId, baseId) || entry.index !== entries) break
      applyDelta(state, entry.rest)
      meta = entry.meta
      offset = entry.end
    }
    // What follows the last whole entry was torn by a crash, or comes from another process: written anew next time.
    const whole = offset === log.length
    stored = whole
      ? { baseId, baseLength: base.rest.length, entries, entryBytes: offset, from: deltaBase(state) }
      : null
    return { ...meta, state }
  }

  const append = async (key: SecretBytes, { chain, state, bodyBytes }: CachedVault, on: Stored): Promise<boolean> => {
    const delta = encodeDelta(on.from, state)
    if (on.entries >= MOST_ENTRIES || on.entryBytes + delta.length > on.baseLength / 2) return false
    const plain = concat(Uint8Array.of(ENTRY), on.baseId, u32(on.entries), writeMeta(chain, bodyBytes), delta)
    const sealed = await seal(engine, key, context, plain)
    await store.append('cacheLog', concat(u32(sealed.length), sealed))
    on.entries += 1
    on.entryBytes += 4 + sealed.length
    on.from = deltaBase(state)
    return true
  }

  const writeBase = async (key: SecretBytes, cached: CachedVault, { bytes, from }: Origin): Promise<Stored> => {
    const baseId = engine.randomBytes(16)
    const plain = concat(Uint8Array.of(BASE), baseId, writeMeta(cached.chain, cached.bodyBytes), bytes)
    await store.save('cache', await seal(engine, key, context, plain))
    await store.remove('cacheLog')
    return { baseId, baseLength: bytes.length, entries: 0, entryBytes: 0, from }
  }

  /** Bytes that the state was decoded from, and an entry of what has changed since, where that pays; else all anew. */
  const write = async (key: SecretBytes, cached: CachedVault): Promise<void> => {
    const { state } = cached
    const origin = originOf(state)
    const fresh = (): Origin => ({ bytes: encodeState(state), from: deltaBase(state) })
    let written = await writeBase(key, cached, origin ?? fresh())
    const isAll = written.from.seq === state.seq
    if (!isAll && !(await append(key, cached, written))) written = await writeBase(key, cached, fresh())
    stored = written
  }

  return {
    async load(pin) {
      try {
        const cached = await withKey(load)
        if (cached !== null && fits(cached, vaultId, pin)) return cached
      } catch {
        // Reason: a cache is only a shortcut; what it held is read and verified again.
      }
      stored = null
      return null
    },
    async save(cached) {
      const on = stored
      // Reason: after a failure nobody knows what is stored.
      stored = null
      await withKey(async (key) => {
        if (on === null || !(await append(key, cached, on))) return await write(key, cached)
        stored = on
      })
    },
  }
}

const BASE = 0
const ENTRY = 1

type Meta = Omit<CachedVault, 'state'>

function writeMeta(chain: ChainState, bodyBytes: number): Uint8Array {
  const bytes = encodeChainState(chain)
  return concat(u64(bodyBytes), u32(bytes.length), bytes)
}

function readMeta(bytes: Uint8Array): { meta: Meta; rest: Uint8Array } {
  const bodyBytes = readU32(bytes) * 0x1_0000_0000 + readU32(bytes, 4)
  const end = 12 + readU32(bytes, 8)
  return { meta: { chain: decodeChainState(bytes.subarray(12, end)), bodyBytes }, rest: bytes.subarray(end) }
}

interface Entry {
  readonly baseId: Uint8Array
  readonly index: number
  readonly meta: Meta
  readonly rest: Uint8Array
  readonly end: number
}

/** The entry at an offset; null when it is torn or not an entry. */
async function readEntry(
  log: Uint8Array,
  offset: number,
  unseal: (sealed: Uint8Array) => Promise<Uint8Array>,
): Promise<Entry | null> {
  if (offset + 4 > log.length) return null
  const end = offset + 4 + readU32(log, offset)
  if (end > log.length) return null
  const bytes = await unseal(log.subarray(offset + 4, end)).catch(() => null)
  if (bytes === null || bytes[0] !== ENTRY) return null
  return { baseId: bytes.slice(1, 17), index: readU32(bytes, 17), ...readMeta(bytes.subarray(21)), end }
}

/** Whether a cache is of this vault, whole, and on the history that the device has pinned. */
function fits({ chain, state }: CachedVault, vaultId: VaultId, pin: HeadPin | undefined): boolean {
  const { head } = chain
  if (head === null || state.seq !== head.seq) return false
  if (toHex(chain.vaultId) !== toHex(vaultId) || toHex(state.vaultId) !== toHex(vaultId)) return false
  if (pin === undefined || head.seq > pin.seq) return false
  return head.seq < pin.seq || toHex(head.hash) === pin.hash
}
