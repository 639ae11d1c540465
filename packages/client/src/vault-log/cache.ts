import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  concat,
  type DeviceId,
  localKey,
  open,
  readU32,
  type SecretBytes,
  seal,
  sealContext,
  toHex,
  u32,
  type VaultId,
} from '@strongroom/crypto'
import {
  type ChainState,
  decodeChainState,
  decodeState,
  encodeChainState,
  encodeState,
  type VaultState,
} from '@strongroom/vault'
import type { StateStore } from '../ports.ts'
import type { HeadPin } from '../session/pins.ts'

/** Everything that a warm start needs instead of reading the log from its beginning. */
export interface CachedVault {
  readonly chain: ChainState
  readonly state: VaultState
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
  save(cached: CachedVault): Promise<void>
}

/** The state of a vault on this device, sealed under a key that only account and device together have. */
export function vaultCache(options: CacheOptions): VaultCache {
  const { engine, store, accountId, deviceId, vaultId } = options
  const context = sealContext('local-index', accountId, deviceId, vaultId)
  const withKey = async <T>(task: (key: SecretBytes) => Promise<T>): Promise<T> => {
    const key = await localKey(engine, options.accountKey, { accountId, deviceId })
    try {
      return await task(key)
    } finally {
      key.dispose()
    }
  }
  return {
    async load(pin) {
      const sealed = await store.load('cache')
      if (sealed === null) return null
      try {
        const bytes = await withKey((key) => open(engine, key, context, sealed))
        const length = readU32(bytes)
        const chain = decodeChainState(bytes.subarray(4, 4 + length))
        const state = await decodeState(engine, bytes.subarray(4 + length))
        return fits({ chain, state }, vaultId, pin) ? { chain, state } : null
      } catch {
        // Reason: a cache is only a shortcut; what it held is read and verified again.
        return null
      }
    },
    async save({ chain, state }) {
      const head = encodeChainState(chain)
      const bytes = concat(u32(head.length), head, encodeState(state))
      await store.save('cache', await withKey((key) => seal(engine, key, context, bytes)))
    },
  }
}

/** Whether a cache is of this vault, whole, and on the history that the device has pinned. */
function fits({ chain, state }: CachedVault, vaultId: VaultId, pin: HeadPin | undefined): boolean {
  const { head } = chain
  if (head === null || state.seq !== head.seq) return false
  if (toHex(chain.vaultId) !== toHex(vaultId) || toHex(state.vaultId) !== toHex(vaultId)) return false
  if (pin === undefined || head.seq > pin.seq) return false
  return head.seq < pin.seq || toHex(head.hash) === pin.hash
}
