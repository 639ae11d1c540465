import { describe, expect, it } from 'vitest'
import { eachConcurrently } from './concurrency.ts'

const pause = () => new Promise((resolve) => setTimeout(resolve, 2))

describe('eachConcurrently', () => {
  it('handles every item once, never more at a time than allowed', async () => {
    const seen: number[] = []
    let running = 0
    let most = 0
    await eachConcurrently(
      Array.from({ length: 50 }, (_, index) => index),
      4,
      async (item) => {
        running += 1
        most = Math.max(most, running)
        await pause()
        seen.push(item)
        running -= 1
      },
    )
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(most).toBe(4)
  })

  it('waits for what runs when one fails, begins nothing new and throws the failure', async () => {
    const ended: number[] = []
    const run = eachConcurrently([0, 1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      await pause()
      if (item === 1) throw new Error('one')
      await pause()
      ended.push(item)
    })
    await expect(run).rejects.toThrow('one')
    expect(ended.sort()).toEqual([0, 2])
  })
})
