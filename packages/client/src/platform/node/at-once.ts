/*
 * [Note: Files at once]
 *
 * Each call of node:fs/promises goes to a thread of Node's pool and back, which costs several times what the system does
 * for a small file in its memory. So small files are read and written by calls that wait. Others get their turn every few
 * milliseconds, and where the disk lets these calls wait, the pool is used again for a while: its threads wait beside each
 * other.
 */

/** Calls that are judged together. */
const ROW = 16
/** Milliseconds for reading a small file above which the pool is quicker. */
const SLOW_MS = 0.5
/**
 * Milliseconds for a row above which others wait too long, whatever the reason.
 *
 * Reason: where the processor is busy, a few calls of a row take long on any disk.
 */
const LONG_MS = 100
/** Tasks that go to the pool before waiting is tried again. */
const REST = 64
/** Milliseconds after which others have their turn. */
const TURN_MS = 5

/**
 * Runs a task of calls that wait; null where the disk is too slow for that at the moment, and the caller is to use the
 * pool.
 *
 * @param weight - how many times what reading a small file takes
 */
export type AtOnce = <T>(task: () => T, weight?: number) => Promise<T | null>

/** @param nowMs - a clock that never goes back */
export function makeAtOnce(nowMs: () => number): AtOnce {
  let calls = 0
  let slow = 0
  let spent = 0
  let resting = 0
  let turnEnds = Number.NEGATIVE_INFINITY

  const measured = <T>(task: () => T, weight: number, begun: number): T => {
    try {
      return task()
    } finally {
      const took = nowMs() - begun
      calls += 1
      slow += took > SLOW_MS * weight ? 1 : 0
      spent += took
      if (calls === ROW || spent > LONG_MS) {
        if (slow > calls / 2 || spent > LONG_MS) resting = REST
        calls = 0
        slow = 0
        spent = 0
      }
    }
  }

  return async (task, weight = 1) => {
    if (resting > 0) {
      resting -= 1
      return null
    }
    const begun = nowMs()
    if (begun <= turnEnds) return measured(task, weight, begun)
    await new Promise((done) => setImmediate(done))
    turnEnds = nowMs() + TURN_MS
    return measured(task, weight, nowMs())
  }
}

export const atOnce = makeAtOnce(() => performance.now())
