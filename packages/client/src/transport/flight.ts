import { MIN_PART_SIZE } from '@strongroom/crypto'
import { ClientError, throwIfAborted } from '../errors.ts'
import type { Clock } from '../ports.ts'

/** Parts under way to begin with: fills most links and keeps memory small. */
const START = 4
/** Where what is under way takes longer than this, in milliseconds, fewer parts lose less when the connection breaks. */
const LONG_MS = 60_000
/** Windows after a change that did not help until another one is tried. */
const REST = 4

/**
 * Places for the parts that are under way, of all contents of a call together. Only who has one holds a part in memory.
 * Those who have one hold no more bytes than as many parts of the usual size, unless one part alone has more.
 */
export interface Flight {
  /** Places that there ever are. */
  readonly most: number
  /** Waits for a place for a part of so many bytes; first come, first served. @throws ClientError `aborted` */
  enter(bytes: number, signal: AbortSignal | undefined): Promise<Place>
}

export interface Place {
  /** So many bytes have arrived. */
  arrived(bytes: number): void
  /** The link or the store failed: there are fewer places for a while, and this one is waited for anew. */
  again(signal: AbortSignal | undefined): Promise<void>
  /** Gives the place back. Idempotent. */
  leave(): void
}

/** How many parts may be under way, as a link teaches it. */
export interface Pace {
  readonly limit: number
  /** @param isFull - whether as many parts are under way as may be; else nothing is learnt of more or fewer */
  arrived(bytes: number, isFull: boolean): void
  failed(): void
}

/**
 * Tries whether more parts at once are faster, and keeps to it where they are: connections of a link that loses packets
 * gain by company, those that fill a link do not. Fewer are tried where a part takes long, and after failures.
 */
export function adaptivePace(most: number, clock: Clock): Pace {
  let limit = Math.min(START, most)
  let trial: { readonly limit: number; readonly rate: number } | null = null
  let rest = 0
  /** Parts to come that began before the limit was changed. */
  let older = 0
  let window = { sinceMs: clock.nowMs(), bytes: 0, parts: 0 }

  const begin = (): void => {
    window = { sinceMs: clock.nowMs(), bytes: 0, parts: 0 }
  }
  const change = (next: number): void => {
    // The one that has just ended is not among them.
    older = limit - 1
    limit = next
    begin()
  }
  /** Half of what would be gained or lost if each part had a connection of its own to itself decides. */
  const hasHelped = (before: { readonly limit: number; readonly rate: number }, rate: number): boolean =>
    rate / before.rate >= (1 + limit / before.limit) / 2

  const decide = (rate: number, partBytes: number): void => {
    const msOf = (parts: number): number => (parts * partBytes) / rate
    const before = trial
    trial = null
    if (before !== null && !hasHelped(before, rate)) {
      rest = REST
      change(before.limit)
    } else if (rest > 0) {
      rest -= 1
    } else if (limit < Math.min(START, most) && msOf(limit + 1) < LONG_MS) {
      change(limit + 1)
    } else {
      const next = msOf(limit) > LONG_MS ? Math.max(1, limit - 1) : Math.min(most, limit + 2)
      if (next === limit || (next > limit && msOf(next) > LONG_MS)) return
      trial = { limit, rate }
      change(next)
    }
  }

  return {
    get limit() {
      return limit
    },
    arrived(bytes, isFull) {
      if (older > 0) {
        older -= 1
        return begin()
      }
      if (!isFull) return begin()
      window.bytes += bytes
      window.parts += 1
      if (window.parts < limit) return
      const { bytes: total, parts, sinceMs } = window
      const elapsedMs = Math.max(1, clock.nowMs() - sinceMs)
      begin()
      decide(total / elapsedMs, total / parts)
    },
    failed() {
      if (older > 0) {
        older -= 1
        return
      }
      trial = null
      rest = REST
      change(Math.max(1, Math.floor(limit / 2)))
    },
  }
}

/** Always as many places. */
export function steadyFlight(places: number): Flight {
  return createFlight({ limit: places, arrived: () => {}, failed: () => {} }, places)
}

/** As many places as the link turns out to reward. */
export function adaptiveFlight(most: number, clock: Clock): Flight {
  return createFlight(adaptivePace(most, clock), most)
}

function createFlight(pace: Pace, most: number): Flight {
  const mostBytes = most * MIN_PART_SIZE
  let taken = 0
  let takenBytes = 0
  const waiting: { readonly bytes: number; readonly come: () => void }[] = []
  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const hasRoom = taken === 0 || takenBytes + next.bytes <= mostBytes
      if (taken >= pace.limit || !hasRoom) return
      waiting.shift()
      taken += 1
      takenBytes += next.bytes
      next.come()
    }
  }
  const turn = async (bytes: number, signal: AbortSignal | undefined): Promise<void> => {
    throwIfAborted(signal)
    await new Promise<void>((done, fail) => {
      const stop = (): void => {
        const index = waiting.indexOf(each)
        if (index < 0) return
        waiting.splice(index, 1)
        fail(new ClientError('aborted', 'The operation was interrupted.'))
        // Who stood behind it may need less room.
        admit()
      }
      const come = (): void => {
        signal?.removeEventListener('abort', stop)
        done()
      }
      const each = { bytes, come }
      signal?.addEventListener('abort', stop, { once: true })
      waiting.push(each)
      admit()
    })
  }
  const release = (bytes: number): void => {
    taken -= 1
    takenBytes -= bytes
    admit()
  }
  return {
    most,
    async enter(bytes, signal) {
      await turn(bytes, signal)
      let has = true
      return {
        arrived(bytes) {
          pace.arrived(bytes, taken >= pace.limit)
          admit()
        },
        async again(signal) {
          pace.failed()
          if (has) release(bytes)
          has = false
          await turn(bytes, signal)
          has = true
        },
        leave() {
          if (has) release(bytes)
          has = false
        },
      }
    },
  }
}

/** Where parts of one content find their places. */
export interface Places {
  readonly flight: Flight
  /** Of its longest part. */
  readonly bytes: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs `task` again and again, as often at once as there are places, until it answers that nothing is left; the first
 * failure ends it. All have ended when it returns.
 */
export async function inPlaces(
  { flight, bytes, signal }: Places,
  task: (place: Place) => Promise<boolean>,
): Promise<void> {
  let isOver = false
  let failed: { readonly error: unknown } | null = null
  const running = new Set<Promise<void>>()
  const fail = (error: unknown): void => {
    failed ??= { error }
    isOver = true
  }
  const run = async (place: Place): Promise<void> => {
    try {
      if (!(await task(place))) isOver = true
    } catch (error) {
      fail(error)
    } finally {
      place.leave()
    }
  }
  while (!isOver) {
    const place = await flight.enter(bytes, signal).catch(fail)
    if (place === undefined) break
    if (isOver) place.leave()
    else {
      const started = run(place).finally(() => running.delete(started))
      running.add(started)
    }
  }
  await Promise.all(running)
  if (failed !== null) throw (failed as { readonly error: unknown }).error
}
