import {
  type AccountKey,
  asAccountId,
  asAccountKey,
  type CryptoEngine,
  CryptoError,
  equalBytes,
  type Keyring,
  openAccountKey,
  openKeyring,
  SecretBytes,
  sealAccountKey,
  sessionKek,
} from '@strongroom/crypto'
import { ClientError, integrityError, unknownVersion } from '../errors.ts'
import type { Platform } from '../ports.ts'
import type { Api } from '../transport/api.ts'
import { type Ahead, askAhead } from './ahead.ts'
import { apiFor } from './connect.ts'
import { endReplaced } from './end-replaced.ts'
import { loadProfile, type Profile, type ProfileKey, type StoredProfile, saveProfile } from './records.ts'

/** Length of each half of a session's KEK. */
const HALF_LENGTH = 32

/** Keys of an account in memory, and the profile that is stored for it. */
export interface SignedIn {
  readonly profile: Profile
  readonly accountKey: AccountKey
  readonly keyring: Keyring
  /** The server's half of what seals the account key in the profile; it lives as long as the session. */
  readonly serverHalf: SecretBytes
  /** What was asked for together with the half. */
  readonly ahead?: Ahead | null
}

export interface OpenOptions {
  /** Whether to ask for what is new in the vault as well, for who wants that at once. */
  readonly ahead?: boolean
  readonly signal?: AbortSignal | undefined
}

// [Note: The stored profile]
// Invariant: a device keeps its account key only under derive(client half ‖ server half, "session"); the server deletes
// its half when the session ends, and from then on the file opens nothing. The client half is fresh at each writing.

/**
 * Writes the profile of who signed in. Use it wherever a session begins: it replaces whatever profile there is, and ends
 * that one's session.
 *
 * @throws ClientError `local_io`
 */
export async function saveSignedIn(platform: Platform, signedIn: SignedIn): Promise<void> {
  const { engine, store } = platform
  const key = await sealForProfile(engine, signedIn)
  const replaced = await store.exclusively(async () => {
    // One that cannot be read must not stand in the way of a sign-in, which mends it.
    const stored = await loadProfile(store).catch(() => null)
    await saveProfile(store, signedIn.profile, key)
    return stored?.profile ?? null
  })
  const isOther = replaced !== null && !equalBytes(replaced.token, signedIn.profile.token)
  if (isOther) await endReplaced(platform, replaced)
}

/**
 * Writes the profile of a session anew after its keys changed, unless somebody signed in or out here meanwhile.
 *
 * @throws ClientError `local_io`
 */
export async function resaveSignedIn({ engine, store }: Platform, signedIn: SignedIn): Promise<void> {
  const key = await sealForProfile(engine, signedIn)
  await store.exclusively(async () => {
    const stored = await loadProfile(store)
    if (stored === null || !equalBytes(stored.profile.token, signedIn.profile.token)) return
    await saveProfile(store, signedIn.profile, key)
  })
}

async function sealForProfile(
  engine: CryptoEngine,
  { profile, accountKey, keyring, serverHalf }: SignedIn,
): Promise<Extract<ProfileKey, { kind: 'sealed' }>> {
  using clientHalf = SecretBytes.random(engine, HALF_LENGTH)
  using kek = await sessionKek(engine, clientHalf, serverHalf)
  const envelope = await sealAccountKey(engine, kek, placeOf(profile), accountKey)
  return { kind: 'sealed', clientHalf: clientHalf.use((bytes) => bytes.slice()), envelope, vaultId: keyring.vaultId }
}

function placeOf(profile: Profile): { accountId: ReturnType<typeof asAccountId>; method: 3; version: number } {
  // One envelope lives as long as its file, so its version never changes.
  return { accountId: asAccountId(profile.accountId), method: 3, version: 1 }
}

/**
 * Opens the stored profile with the server's half; null when nobody is signed in here. A profile that holds the account
 * key in the open is sealed on the way.
 *
 * @throws ClientError `authentication` when the session is over, `integrity` for a half that does not fit, `network`
 */
export async function openSignedIn(platform: Platform, options: OpenOptions = {}): Promise<SignedIn | null> {
  const stored = await loadProfile(platform.store)
  if (stored === null) return null
  const { profile, key } = stored
  const api = apiFor(platform, profile.server, profile)
  const giveUp = new AbortController()
  const signal = options.signal === undefined ? giveUp.signal : AbortSignal.any([options.signal, giveUp.signal])
  const isAhead = options.ahead && key.kind === 'sealed'
  const [serverHalf, ahead] = await Promise.all([
    fetchHalf(platform, api, stored, options.signal),
    isAhead ? askAhead(api, platform.store, key.vaultId, signal) : null,
  ]).catch((error: unknown) => {
    giveUp.abort()
    throw error
  })
  let accountKey: AccountKey | null = null
  try {
    accountKey = await openStored(platform.engine, stored, serverHalf)
    const place = { accountId: asAccountId(profile.accountId), version: profile.keyringVersion }
    const keyring = await openKeyring(platform.engine, accountKey, place, profile.sealedKeyring).catch((cause) => {
      throw sealFailure('the keyring', cause)
    })
    const signedIn: SignedIn = { profile, accountKey, keyring, serverHalf, ahead }
    if (stored.key.kind === 'open') await resaveSignedIn(platform, signedIn)
    return signedIn
  } catch (error) {
    serverHalf.dispose()
    accountKey?.dispose()
    throw error
  }
}

async function fetchHalf(
  platform: Platform,
  api: Api,
  { profile, key }: StoredProfile,
  signal: AbortSignal | undefined,
): Promise<SecretBytes> {
  try {
    const route = key.kind === 'sealed' ? 'sessionHalf' : 'sessionHalfEnsure'
    return SecretBytes.take((await api.call(route, { signal })).serverHalf)
  } catch (error) {
    // Reason: a key that lies in the open must not stay behind when the session is over.
    const isOver = error instanceof ClientError && error.code === 'authentication'
    if (isOver && key.kind === 'open') await dropProfile(platform, profile)
    throw error
  }
}

async function dropProfile({ store }: Platform, profile: Profile): Promise<void> {
  await store.exclusively(async () => {
    const stored = await loadProfile(store)
    if (stored !== null && equalBytes(stored.profile.token, profile.token)) await store.remove('profile')
  })
}

async function openStored(
  engine: CryptoEngine,
  { profile, key }: StoredProfile,
  serverHalf: SecretBytes,
): Promise<AccountKey> {
  if (key.kind === 'open') return asAccountKey(SecretBytes.take(key.accountKey))
  using clientHalf = SecretBytes.take(key.clientHalf)
  using kek = await sessionKek(engine, clientHalf, serverHalf)
  try {
    return await openAccountKey(engine, kek, placeOf(profile), key.envelope)
  } catch (cause) {
    throw sealFailure("the keys of this device, under the server's half of their key", cause)
  }
}

/** What a seal that does not open means to the caller. */
export function sealFailure(what: string, cause: unknown): unknown {
  if (!(cause instanceof CryptoError)) return cause
  return cause.code === 'upgrade_required' ? unknownVersion(what, cause) : integrityError(what, cause)
}
