import type { Platform } from '../ports.ts'
import { apiFor } from './connect.ts'
import type { Profile } from './records.ts'

const LONGEST_MS = 5_000

/**
 * Ends the session of a profile that a new sign-in took the place of: nothing here holds its keys any more, and it would
 * live for a month. As well as it can: a server that does not answer must not spoil the new sign-in, and its list of
 * sessions shows what is left.
 */
export async function endReplaced(platform: Platform, replaced: Profile): Promise<void> {
  const giveUp = new AbortController()
  const { signal } = giveUp
  const late = platform.clock.sleep(LONGEST_MS, signal).then(
    () => giveUp.abort(),
    () => undefined,
  )
  await apiFor(platform, replaced.server, replaced)
    .call('logout', { signal, retry: false })
    .catch(() => undefined)
  giveUp.abort()
  await late
}
