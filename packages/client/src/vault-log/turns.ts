import type { CryptoEngine } from '@strongroom/crypto'
import type { Clock } from '../ports.ts'

/*
 * [Note: Turns]  A place in the log belongs to whoever is first, and who has just got one is ahead of all who have to
 * fetch it. By itself that makes the fastest writer the only one. So
 * - who has lost waits, the longer the more often it has lost: of many writers most are quiet at any moment;
 * - who has lost a while ago knows of others, and after a few changes in a row lets them have a turn;
 * - who knows of nobody pauses for a moment now and then, in which one of the others gets in, and is known from then on.
 * Times are guesses about distances and servers; order and safety of commits never depend on them.
 */
const LOST_MS = 50
/** Reason: the server of hundreds of writers must not be busy with refusing them. */
const MOST_TIMES = 10
const BURST_MS = 20
const TURN_MS = 100
const ALONE_MS = 250
const PAUSE_MS = 10
/** How long others are remembered. */
const RIVALS_MS = 2_000

export interface Turns {
  /** Before a change: waits where it is the others' turn. */
  next(signal: AbortSignal | undefined): Promise<void>
  /** After a change that was accepted. */
  landed(): void
  /** After a change that came too late, for the `attempt`th time: waits. */
  lost(attempt: number, signal: AbortSignal | undefined): Promise<void>
}

/** When one writer of a vault sends its changes, one after the other. */
export function takeTurns(options: { engine: Pick<CryptoEngine, 'randomBytes'>; clock: Clock }): Turns {
  const { clock } = options
  /** Of the changes in a row without a pause between them. */
  let burst: { readonly sinceMs: number; lastMs: number } | null = null
  let lostMs = Number.NEGATIVE_INFINITY
  return {
    async next(signal) {
      if (burst === null) return
      const now = clock.nowMs()
      const knowsOthers = now - lostMs < RIVALS_MS
      const goesOn = now - burst.lastMs < PAUSE_MS
      if (goesOn && now - burst.sinceMs < (knowsOthers ? BURST_MS : ALONE_MS)) return
      burst = null
      if (goesOn) await clock.sleep(knowsOthers ? share(options) * TURN_MS : PAUSE_MS, signal)
    },
    landed() {
      const now = clock.nowMs()
      if (burst === null) burst = { sinceMs: now, lastMs: now }
      else burst.lastMs = now
    },
    async lost(attempt, signal) {
      burst = null
      lostMs = clock.nowMs()
      await sleepAWhile(options, attempt, signal)
    },
  }
}

/** Reason: writers that met once should not meet again in step. */
export async function sleepAWhile(
  { engine, clock }: { engine: Pick<CryptoEngine, 'randomBytes'>; clock: Clock },
  attempt: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await clock.sleep(share({ engine }) * LOST_MS * Math.min(attempt, MOST_TIMES), signal)
}

/** Any number from 0 up to 1. */
function share({ engine }: { engine: Pick<CryptoEngine, 'randomBytes'> }): number {
  return (engine.randomBytes(1)[0] ?? 0) / 256
}
