import { expect, it } from 'vitest'
import { takeTurns } from './turns.ts'

/** Numbers from 0 up to 1 that look random, the same in each run. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Time that passes only for those who sleep, in order. */
class VirtualTime {
  #nowMs = 0
  readonly #sleepers: { atMs: number; wake: () => void }[] = []
  readonly slept: number[] = []

  nowMs(): number {
    return this.#nowMs
  }

  sleep(ms: number): Promise<void> {
    this.slept.push(ms)
    return new Promise((wake) => this.#sleepers.push({ atMs: this.#nowMs + ms, wake }))
  }

  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#sleepers.sort((left, right) => left.atMs - right.atMs)
      const next = this.#sleepers.shift()
      if (next === undefined) return
      this.#nowMs = next.atMs
      next.wake()
      await new Promise(setImmediate)
    }
  }

  /** For what sleeps in the middle of a test. */
  async pass<T>(task: Promise<T>): Promise<T> {
    let over = false
    void task.finally(() => {
      over = true
    })
    await new Promise(setImmediate)
    await this.run(() => over)
    return task
  }
}

function writer(time: VirtualTime, random = () => 0.5) {
  return takeTurns({ engine: { randomBytes: () => new Uint8Array([random() * 256]) as never }, clock: time })
}

/** Sixteen writers of one vault: what each of them lands of so many changes, and how long it takes. */
async function race(changes: number, seed: number): Promise<{ landed: number[]; ms: number }> {
  const time = new VirtualTime()
  const random = numbersFrom(seed)
  // One of a hundred steps takes longer, as where garbage is collected.
  const step = (ms: number) => time.sleep(ms * (0.7 + 0.6 * random()) + (random() < 0.01 ? 4 * random() : 0))
  let head = 0
  const landed = Array.from({ length: 16 }, () => 0)
  for (const index of landed.keys()) {
    void (async () => {
      const turns = writer(time, random)
      let base = 0
      await time.sleep(random())
      for (;;) {
        await turns.next(undefined)
        for (let attempt = 1; ; attempt += 1) {
          await step(1.5)
          if (base === head) break
          await turns.lost(attempt, undefined)
          await step(0.5)
          const fetched = head
          await step(0.5)
          base = fetched
        }
        head += 1
        base = head
        landed[index] = (landed[index] ?? 0) + 1
        await step(0.5)
        turns.landed()
      }
    })()
  }
  await new Promise(setImmediate)
  await time.run(() => head === changes)
  return { landed, ms: time.nowMs() }
}

it('gives each of sixteen writers its turn, without keeping the place free for long', async () => {
  for (const seed of [1, 2, 3]) {
    const { landed, ms } = await race(2_000, seed)
    expect(Math.min(...landed)).toBeGreaterThan(25)
    expect(Math.max(...landed)).toBeLessThan(350)
    expect(ms).toBeLessThan(2_000 * 3.3)
  }
})

it('lets nobody wait for a change that is alone', async () => {
  const time = new VirtualTime()
  const turns = writer(time)
  for (let change = 0; change < 10; change += 1) {
    await time.pass(turns.next(undefined))
    turns.landed()
    await time.pass(time.sleep(60))
  }
  expect(time.slept.filter((ms) => ms !== 60)).toEqual([])
})

it('pauses for a moment now and then among changes in a row, and longer once it knows of others', async () => {
  const time = new VirtualTime()
  const turns = writer(time)
  const inARow = async (changes: number): Promise<number[]> => {
    const before = time.slept.length
    for (let change = 0; change < changes; change += 1) {
      await time.pass(turns.next(undefined))
      await time.pass(time.sleep(1))
      turns.landed()
    }
    return time.slept.slice(before).filter((ms) => ms !== 1)
  }
  expect(await inARow(240)).toEqual([])
  expect(await inARow(30)).toEqual([10])
  await time.pass(turns.lost(1, undefined))
  expect(await inARow(60)).toEqual([50, 50])
  await time.pass(time.sleep(3_000))
  expect(await inARow(240)).toEqual([])
})

it('waits longer the more often it has lost, up to half a second', async () => {
  const time = new VirtualTime()
  const turns = writer(time)
  for (const attempt of [1, 2, 10, 11, 1_000]) await time.pass(turns.lost(attempt, undefined))
  expect(time.slept).toEqual([25, 50, 250, 250, 250])
})
