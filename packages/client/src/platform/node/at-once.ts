/*
 * [Note: Files at once]
 *
 * Each call of node:fs/promises goes to a thread of Node's pool and back, which costs several times what the system does
 * for a small file in its memory. So small files are read by calls that wait. Others get their turn every few
 * milliseconds, and where the disk lets these calls wait, the pool is used again for a while: its threads wait beside each
 * other.
 */

/** Calls in a row whose time is added up. */
const ROW = 16
/** Milliseconds for a row above which the pool is quicker. */
const SLOW_MS = 8
/** Tasks that go to the pool before waiting is tried again. */
const REST = 64
/** Milliseconds after which others have their turn. */
const TURN_MS = 5

let calls = 0
let spent = 0
let resting = 0
let turnEnds = 0

/**
 * Runs a task of calls that wait; null where the disk is too slow for that at the moment, and the caller is to use the
 * pool.
 */
export async function atOnce<T>(task: () => T): Promise<T | null> {
  if (resting > 0) {
    resting -= 1
    return null
  }
  const begun = performance.now()
  if (begun > turnEnds) {
    await new Promise((done) => setImmediate(done))
    turnEnds = performance.now() + TURN_MS
    return measured(task, performance.now())
  }
  return measured(task, begun)
}

function measured<T>(task: () => T, begun: number): T {
  try {
    return task()
  } finally {
    spent += performance.now() - begun
    calls += 1
    if (calls === ROW) {
      if (spent > SLOW_MS) resting = REST
      calls = 0
      spent = 0
    }
  }
}
