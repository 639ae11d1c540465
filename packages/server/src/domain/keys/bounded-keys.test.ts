import { describe, expect, it } from 'vitest'
import type { KeyManagement } from '../../ports/index.ts'
import { boundedKeys } from './bounded-keys.ts'

/** A key service of which only `unwrap` is asked, and which answers when it is told to. */
function slowKeys() {
  const waiting: (() => void)[] = []
  let most = 0
  const unwrap = () =>
    new Promise<Uint8Array>((resolve) => {
      waiting.push(() => resolve(new Uint8Array(1)))
      most = Math.max(most, waiting.length)
    })
  const keys = { kind: 'slow', unwrap } as unknown as KeyManagement // the other calls are never made
  return { keys, most: () => most, answer: () => waiting.shift()?.() }
}

const unwrap = (keys: KeyManagement) => keys.unwrap(new Uint8Array(), { purpose: 'test' })

describe('a bounded key service', () => {
  it('is asked no more than so many things at once, in their order', async () => {
    const slow = slowKeys()
    const keys = boundedKeys(slow.keys, { running: 2, waiting: 10, waitMs: 5_000 })
    const order: number[] = []
    const calls = [0, 1, 2, 3, 4].map((index) => unwrap(keys).then(() => order.push(index)))
    for (let answered = 0; answered < 5; answered += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      slow.answer()
    }
    await Promise.all(calls)
    expect(order).toEqual([0, 1, 2, 3, 4])
    expect(slow.most()).toBe(2)
  })

  it('refuses at once what would wait behind too many, and in time what waits too long', async () => {
    const slow = slowKeys()
    const keys = boundedKeys(slow.keys, { running: 1, waiting: 1, waitMs: 50 })
    const first = unwrap(keys)
    const second = unwrap(keys).catch((error: unknown) => error)
    await expect(unwrap(keys)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await second).toMatchObject({ code: 'unavailable' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    slow.answer()
    await first
    const third = unwrap(keys)
    await new Promise((resolve) => setTimeout(resolve, 5))
    slow.answer()
    await third
  })
})
