import { ClientError, type Drive, type Transport } from '@strongroom/client'
import { failureOf } from './failures.ts'
import { pauseUntilOnline } from './pause.ts'
import type { VaultFailure } from './vault-api.ts'

/** Pause after a failure that may pass. */
const PAUSE_MS = 15_000
/** What does not pass by itself. */
const LASTING: readonly string[] = ['authentication', 'integrity', 'account_disabled', 'upgrade_required']

interface Watching {
  readonly changed: () => void
  /** Told once, at the end. */
  readonly failed: (failure: VaultFailure) => void
  readonly signal: AbortSignal
}

/** Follows what others change, until the signal is set or something lasting is in the way. */
export async function watchVault(drive: Drive, { changed, failed, signal }: Watching): Promise<void> {
  for (;;) {
    try {
      for await (const _count of drive.changes({ signal })) changed()
    } catch (error) {
      if (signal.aborted) return
      const failure = failureOf(error)
      if (LASTING.includes(failure.code) || failure.details.answer === 'keys_frozen') return failed(failure)
    }
    await pauseUntilOnline(PAUSE_MS, signal)
    if (signal.aborted) return
  }
}

/** A transport that says, whenever that changes, whether the server answers. */
export function reportingTransport(
  transport: Transport,
  tell: (state: 'online' | 'offline') => void,
): { readonly transport: Transport; readonly state: () => 'online' | 'offline' } {
  let state: 'online' | 'offline' = 'online'
  const set = (now: typeof state): void => {
    if (now === state) return
    state = now
    tell(now)
  }
  return {
    state: () => state,
    async transport(url, request) {
      try {
        const response = await transport(url, request)
        set('online')
        return response
      } catch (error) {
        if (error instanceof ClientError && error.code === 'network') set('offline')
        throw error
      }
    },
  }
}

const WARM_AFTER_MS = 1_000
let warming: ReturnType<typeof setTimeout> | undefined

/** Has the index of names made before it is needed: a while after the last change. */
export function warmSearch(drive: Drive, signal: AbortSignal): void {
  clearTimeout(warming)
  warming = setTimeout(() => {
    if (!signal.aborted) drive.find('\u0001', { limit: 1, signal }).catch(() => undefined)
  }, WARM_AFTER_MS)
}
