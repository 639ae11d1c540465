import { describe, expect, it } from 'vitest'
import { atOnce } from './at-once.ts'

/** Waits as a slow disk lets a thread wait. */
function wait(ms: number): true {
  for (const end = performance.now() + ms; performance.now() < end; );
  return true
}

describe('atOnce', () => {
  it('leaves files to the pool for a while where the disk lets it wait', async () => {
    for (let call = 0; call < 16; call += 1) expect(await atOnce(() => wait(1))).toBe(true)
    for (let call = 0; call < 64; call += 1) expect(await atOnce(() => wait(0))).toBeNull()
    expect(await atOnce(() => wait(0))).toBe(true)
  })

  it('lets others have their turn', async () => {
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    for (let call = 0; call < 10; call += 1) await atOnce(() => wait(6))
    clearInterval(timer)
    expect(turns).toBeGreaterThan(2)
  })

  it('throws what its task throws', async () => {
    const failing = () => {
      throw new Error('no file')
    }
    await expect(atOnce(failing)).rejects.toThrow('no file')
  })
})
