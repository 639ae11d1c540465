import { toHex } from '@strongroom/crypto'
import { ClientError, type ClientErrorCode } from '../errors.ts'
import type { Platform, StateStore } from '../ports.ts'
import { apiFor } from './connect.ts'
import { loadProfile, type Profile } from './records.ts'
import type { Identity } from './types.ts'

/** Who a profile belongs to. */
export function identityOf({ server, login, accountId }: Profile): Identity {
  return { server, login, accountId: toHex(accountId) }
}

/**
 * Ends the stored session on the server and forgets here what only it could open; pins stay. Returns who was signed in.
 *
 * @throws ClientError `network`, with nothing forgotten
 */
export async function signOut(platform: Platform, signal: AbortSignal | undefined): Promise<Identity | null> {
  const { store } = platform
  const stored = await loadProfile(store)
  if (stored === null) return null
  await endSession(platform, stored.profile, signal)
  return identityOf(stored.profile)
}

/** A session that is over already needs no ending, and one of a disabled account can be used by nobody. */
const NOTHING_TO_END: readonly ClientErrorCode[] = ['authentication', 'account_disabled']

/** The same for a profile that was read already. */
export async function endSession(platform: Platform, profile: Profile, signal: AbortSignal | undefined): Promise<void> {
  const { store } = platform
  const api = apiFor(platform, profile.server, profile)
  await api.call('logout', { signal }).catch((error: unknown) => {
    if (!(error instanceof ClientError) || !NOTHING_TO_END.includes(error.code)) throw error
  })
  await forgetSignIn(store)
}

/** Forgets the sign-in of this device, and what only it could open; pins stay. */
export async function forgetSignIn(store: StateStore): Promise<void> {
  for (const name of ['profile', 'cache', 'cacheLog', 'pending'] as const) await store.remove(name)
  for (const { id } of (await store.journals?.list()) ?? []) await store.journals?.remove(id)
}
