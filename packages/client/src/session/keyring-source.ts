import {
  type AccountId,
  type AccountKey,
  type CryptoEngine,
  CryptoError,
  disposeKeyring,
  equalBytes,
  type Keyring,
  openKeyring,
  sealKeyring,
  toHex,
} from '@strongroom/crypto'
import { ClientError, integrityError } from '../errors.ts'
import type { StateStore } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { advanceKeyring, loadPins, updatePins } from './pins.ts'
import { loadProfile, saveProfile } from './records.ts'

/** A keyring and its sealed form. */
export interface SealedKeyring {
  readonly keyring: Keyring
  readonly sealed: Uint8Array
}

/** The account's keyring as this session has it; another device may have a newer one. */
export interface KeyringSource {
  /** Borrowed, also after a newer one has taken its place. */
  readonly current: Keyring
  /** As it is stored on the server and here. */
  readonly sealed: Uint8Array
  /** Seals the next version. */
  seal(keyring: Keyring): Promise<Uint8Array>
  /**
   * Reads the keyring that the server has; returns whether it is newer than the one here.
   *
   * @throws ClientError `integrity` when it is older than what this device has seen, or contradicts it
   */
  refresh(signal: AbortSignal | undefined): Promise<boolean>
  /** Takes in a keyring that the server has stored, here and in the profile; it becomes this source's to dispose of. */
  adopt(next: SealedKeyring): Promise<void>
  dispose(): void
}

export interface KeyringSourceOptions {
  readonly engine: CryptoEngine
  readonly api: Api
  readonly store: StateStore
  readonly accountKey: AccountKey
  readonly accountId: AccountId
  readonly first: SealedKeyring
}

/** @see spec/keys.md §5 */
export function keyringSource(options: KeyringSourceOptions): KeyringSource {
  const { engine, api, store, accountKey, accountId } = options
  let current = options.first
  const all = [current.keyring]

  const adopt = async (next: SealedKeyring): Promise<void> => {
    const { version } = next.keyring
    const hash = toHex(await engine.sha256(next.sealed))
    await updatePins(store, (pins) => advanceKeyring(pins, toHex(accountId), { version, hash }))
    all.push(next.keyring)
    current = next
    await store.exclusively(async () => {
      const stored = await loadProfile(store)
      // A key in the open is sealed by the next command, which starts from a keyring that is good enough.
      if (stored === null || stored.key.kind === 'open') return
      const { profile, key } = stored
      if (!equalBytes(profile.accountId, accountId) || profile.keyringVersion >= version) return
      await saveProfile(store, { ...profile, sealedKeyring: next.sealed, keyringVersion: version }, key)
    })
  }

  return {
    get current() {
      return current.keyring
    },
    get sealed() {
      return current.sealed
    },
    seal: (keyring) => sealKeyring(engine, accountKey, keyring),
    async refresh(signal) {
      const answer = await api.call('account', { signal })
      const version = answer.keyringVersion
      if (!equalBytes(answer.accountId, accountId)) throw integrityError('the account of the session')
      const hash = toHex(await engine.sha256(answer.keyring))
      advanceKeyring(await loadPins(store), toHex(accountId), { version, hash })
      if (version <= current.keyring.version) return false
      const keyring = await openKeyring(engine, accountKey, { accountId, version }, answer.keyring).catch(
        (cause: unknown) => {
          throw unopened(cause)
        },
      )
      if (!follows(current.keyring, keyring)) {
        disposeKeyring(keyring)
        throw integrityError('the keyring')
      }
      await adopt({ keyring, sealed: answer.keyring })
      return true
    },
    adopt,
    dispose() {
      for (const keyring of all) disposeKeyring(keyring)
    },
  }
}

/**
 * A newer keyring that the account key does not open: the account key was changed, and what this device has is outdated.
 * If it was made up instead, the login that follows stops.
 */
function unopened(cause: unknown): unknown {
  if (!(cause instanceof CryptoError)) return cause
  if (cause.code === 'upgrade_required') {
    return new ClientError('upgrade_required', 'The account was written by a newer client; upgrade this one.', {
      cause,
    })
  }
  return new ClientError('authentication', "The account's keys were changed; sign in again.", {
    cause,
    details: { reason: 'keys_changed' },
  })
}

/** Whether a newer keyring is of the same vault and not behind an older one. */
function follows(older: Keyring, newer: Keyring): boolean {
  const sameVault = equalBytes(newer.vaultId, older.vaultId) && equalBytes(newer.genesisHash, older.genesisHash)
  const forward = newer.vaultEpoch >= older.vaultEpoch && newer.anchor.seq >= older.anchor.seq
  const sameKey =
    newer.vaultEpoch !== older.vaultEpoch ||
    older.vaultKey.use((ours) => newer.vaultKey.use((theirs) => equalBytes(ours, theirs)))
  return sameVault && forward && sameKey
}
