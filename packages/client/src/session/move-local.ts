import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  type DeviceId,
  toHex,
  type VaultId,
} from '@strongroom/crypto'
import { ClientError } from '../errors.ts'
import type { Clock, StateStore } from '../ports.ts'
import { seenStore } from '../restore/seen.ts'
import { vaultCache } from '../vault-log/cache.ts'
import { pendingStore } from '../vault-log/pending.ts'
import type { VaultLog } from '../vault-log/types.ts'
import type { SealedKeyring } from './keyring-source.ts'
import { advanceKeyring, updatePins } from './pins.ts'

/** What is kept on this device under keys that derive from the account key. */
export interface LocalState {
  readonly engine: CryptoEngine
  readonly clock: Clock
  readonly store: StateStore
  readonly accountId: AccountId
  readonly deviceId: DeviceId
  readonly vaultId: VaultId
}

/**
 * Refuses to change the account key under interrupted transfers of this device, which could not go on afterwards.
 *
 * @throws ClientError `conflict` (`details.reason` is `transfers_interrupted`, `details.count` how many)
 */
export async function requireNoTransfers({ journals }: StateStore): Promise<void> {
  const count = (await journals?.list())?.length ?? 0
  if (count === 0) return
  const message = `Interrupted transfers of this device (${count}) could not go on afterwards; finish them first.`
  throw new ClientError('conflict', message, { details: { reason: 'transfers_interrupted', count } })
}

/** Gives interrupted transfers up; the server collects what they have sent. */
export async function forgetTransfers({ journals }: StateStore): Promise<void> {
  for (const { id } of (await journals?.list()) ?? []) await journals?.remove(id)
}

/** A change that a crashed process had begun to commit, under the new key. Call it alone among those who commit. */
export async function movePending(state: LocalState, from: AccountKey, to: AccountKey): Promise<void> {
  const pending = await pendingStore({ ...state, accountKey: from }).load()
  if (pending !== null) await pendingStore({ ...state, accountKey: to }).save(pending)
}

/** Pins the new keyring, and takes along what would only be slow, or a pity, to lose. */
export async function moveLocal(
  state: LocalState,
  log: VaultLog,
  { from, to, next }: { from: AccountKey; to: AccountKey; next: SealedKeyring },
): Promise<void> {
  const { engine, store, accountId } = state
  const pin = { version: next.keyring.version, hash: toHex(await engine.sha256(next.sealed)) }
  await updatePins(store, (pins) => advanceKeyring(pins, toHex(accountId), pin))
  await seenStore({ ...state, accountKey: to }).add(await seenStore({ ...state, accountKey: from }).load())
  const snapshot = await log.snapshot()
  if (snapshot !== null) {
    const cached = { ...snapshot, bodyBytes: log.bodyBytes }
    // A cache that cannot be written is read anew from the server.
    await vaultCache({ ...state, accountKey: to })
      .save(cached)
      .catch(() => undefined)
  }
}
