import { ClientError, throwIfAborted } from '../errors.ts'
import type { DriveContext } from './context.ts'
import type { CallOptions } from './types.ts'

/** An answer without news that came sooner than this was no wait. */
const SOON_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

type Refresh = (signal: AbortSignal | undefined) => Promise<number>

/**
 * Waits for commits from elsewhere and takes them in; yields how many they were, again and again, until the signal is
 * set. Goes on through lost connections.
 *
 * @param refresh - fetches, verifies and keeps newer commits, and says how many
 * @throws ClientError `aborted`, `integrity`, `authentication` and whatever else does not pass
 */
export async function* changesOf(
  context: DriveContext,
  refresh: Refresh,
  { signal }: CallOptions = {},
): AsyncGenerator<number> {
  let pauses = 0
  for (;;) {
    throwIfAborted(signal)
    let idle = true
    try {
      const heard = await waitOnce(context, refresh, signal)
      idle = heard.idle
      if (heard.count > 0) yield heard.count
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'network') throw error
    }
    pauses = idle ? pauses + 1 : 0
    if (idle) await context.platform.clock.sleep(Math.min(LONGEST_PAUSE_MS, SOON_MS * 2 ** (pauses - 1)), signal)
  }
}

/**
 * One request that waits. What it answers is a hint: only verified commits count. `idle`: the server had nothing new
 * although it answered at once, and would be asked without end.
 */
async function waitOnce(
  { platform, api, log }: DriveContext,
  refresh: Refresh,
  signal: AbortSignal | undefined,
): Promise<{ count: number; idle: boolean }> {
  const after = log.state.seq
  if (after < 0) return { count: await refresh(signal), idle: false }
  const startMs = platform.clock.nowMs()
  const params = { vaultId: log.state.vaultId }
  const head = await api.call('vaultHead', { params, query: { after }, signal })
  if (head.seq === log.state.seq) {
    // The time is over, or this very session has committed meanwhile.
    return { count: 0, idle: head.seq === after && platform.clock.nowMs() - startMs < SOON_MS }
  }
  const count = await refresh(signal)
  return { count, idle: count === 0 && head.seq !== log.state.seq }
}
