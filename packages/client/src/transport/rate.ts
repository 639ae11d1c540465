import type { Clock } from '../ports.ts'

export interface RateLimiter {
  /** Waits until `bytes` more may be transferred. */
  take(bytes: number, signal?: AbortSignal): Promise<void>
}

/** Spreads transfers to `bytesPerSecond` on average; undefined means no limit. */
export function rateLimiter(bytesPerSecond: number | undefined, clock: Clock): RateLimiter {
  if (bytesPerSecond === undefined || bytesPerSecond <= 0) return { take: async () => {} }
  let freeAtMs = clock.nowMs()
  return {
    async take(bytes, signal) {
      const start = Math.max(freeAtMs, clock.nowMs())
      freeAtMs = start + (bytes / bytesPerSecond) * 1000
      const wait = start - clock.nowMs()
      if (wait > 0) await clock.sleep(wait, signal)
    },
  }
}
