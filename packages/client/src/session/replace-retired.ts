import { ClientError } from '../errors.ts'
import { type KdfProfile, replacementOf } from './kdf-profiles.ts'
import type { Credentials, Session } from './types.ts'

/**
 * Replaces a retired profile after a login, by a change of the password to itself: without a word, and as well as it can,
 * for the next login tries again. Profiles that are not retired stay what their user chose.
 *
 * Reason for the order: the login has succeeded by then, and whatever becomes of the change, one of both records lets in.
 *
 * @throws ClientError `integrity` for a server that answers the change under another key; the session is closed then
 */
export async function replaceRetired(
  session: Pick<Session, 'changePassword' | 'close'>,
  { platform, password, signal }: Pick<Credentials, 'platform' | 'password' | 'signal'>,
  profile: KdfProfile,
): Promise<void> {
  const kdf = await replacementOf(platform.opaque, profile)
  if (kdf === null) return
  try {
    await session.changePassword({ current: password, next: password, kdf, signal })
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'integrity') return
    await session.close()
    throw error
  }
}
