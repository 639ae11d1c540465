import type { ClientError } from '../errors.ts'
import type { Clock } from '../ports.ts'

const ATTEMPTS = 6
/** A server that takes connections and never answers costs a minute each time. */
const SILENT_ATTEMPTS = 2
const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 30_000

/** Thrown inside a retried task: what went wrong may pass, at the earliest after `waitMs`. */
export class Transient extends Error {
  readonly waitMs: number | null
  readonly failure: ClientError

  constructor(failure: ClientError, waitMs: number | null = null) {
    super(failure.message, { cause: failure })
    this.failure = failure
    this.waitMs = waitMs
  }
}

export interface RetryContext {
  readonly clock: Clock
  /** 0 ≤ value < 1. */
  readonly random: () => number
  readonly signal?: AbortSignal | undefined
}

/** How long to wait before attempt `attempt` (1 is the first repetition), in milliseconds, jitter included. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1))
  return ceiling / 2 + (ceiling / 2) * random
}

/** `Retry-After` in milliseconds from now: seconds or an HTTP date; null when absent or senseless. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null
  if (/^\d{1,6}$/.test(value.trim())) return Number(value.trim()) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}

/**
 * Runs `task` until it returns, or throws something other than `Transient`, or six attempts (two at a server that is
 * silent) are over; then the last failure is thrown. A server that asks for more than 30 s of patience per attempt is not waited for.
 */
export async function withRetries<T>(context: RetryContext, task: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await task(attempt)
    } catch (error) {
      if (!(error instanceof Transient)) throw error
      const wait = Math.max(error.waitMs ?? 0, backoffMs(attempt, context.random()))
      const attempts = error.failure.details.silent === true ? SILENT_ATTEMPTS : ATTEMPTS
      if (attempt >= attempts || wait > LONGEST_DELAY_MS * 2) throw error.failure
      await context.clock.sleep(wait, context.signal)
    }
  }
}
