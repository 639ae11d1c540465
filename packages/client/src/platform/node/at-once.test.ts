import { beforeEach, describe, expect, it } from 'vitest'
import { type AtOnce, makeAtOnce } from './at-once.ts'

let nowMs = 0
let atOnce: AtOnce = makeAtOnce(() => nowMs)

beforeEach(() => {
  atOnce = makeAtOnce(() => nowMs)
})

/** Waits as a disk lets a thread wait. */
function wait(ms: number): true {
  nowMs += ms
  return true
}

describe('atOnce', () => {
  it('leaves files to the pool for a while where the disk lets it wait', async () => {
    for (let call = 0; call < 16; call += 1) expect(await atOnce(() => wait(1))).toBe(true)
    for (let call = 0; call < 64; call += 1) expect(await atOnce(() => wait(0))).toBeNull()
    expect(await atOnce(() => wait(0))).toBe(true)
  })

  it('is not misled by a few calls that a busy processor held up', async () => {
    for (let call = 0; call < 64; call += 1) expect(await atOnce(() => wait(call % 4 === 0 ? 20 : 0.1))).toBe(true)
  })

  it('lets what takes more take longer, and nothing very long', async () => {
    for (let call = 0; call < 64; call += 1) expect(await atOnce(() => wait(1.9), 4)).toBe(true)
    expect(await atOnce(() => wait(110), 4)).toBe(true)
    expect(await atOnce(() => wait(0))).toBeNull()
  })

  it('lets others have their turn', async () => {
    let turns = 0
    const turn = () => {
      turns += 1
      immediate = setImmediate(turn)
    }
    let immediate = setImmediate(turn)
    for (let call = 0; call < 10; call += 1) await atOnce(() => wait(2))
    clearImmediate(immediate)
    expect(turns).toBe(4)
  })

  it('throws what its task throws', async () => {
    const failing = () => {
      throw new Error('no file')
    }
    await expect(atOnce(failing)).rejects.toThrow('no file')
  })
})
