import { describe, expect, it } from 'vitest'
import { appendsUnderWay } from './under-way.ts'

const VAULT = Uint8Array.of(1)
const place = (hash: number, seq = 5, vaultId = VAULT) => ({ vaultId, seq, hash: Uint8Array.of(hash) })

/** An append that ends when it is told to. */
function heldAppend<T>() {
  let begun = false
  let end: (result: T | null) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const result = new Promise<T | null>((resolve, reject) => {
    end = resolve
    fail = reject
  })
  return {
    begun: () => begun,
    end,
    fail,
    run() {
      begun = true
      return result
    },
  }
}

describe('appends to one place of a vault', () => {
  it('those that came later are not begun once the first has taken it', async () => {
    const appends = appendsUnderWay()
    const [first, second] = [heldAppend<string>(), heldAppend<string>()]
    const answers = [appends.alone(place(1), first.run), appends.alone(place(2), second.run)]
    first.end('appended')
    expect(await Promise.all(answers)).toEqual(['appended', 'taken'])
    expect(second.begun()).toBe(false)
  })

  it('the next is tried when the first was refused, or found the head moved', async () => {
    for (const end of ['refused', 'moved']) {
      const appends = appendsUnderWay()
      const [first, second, third] = [heldAppend<string>(), heldAppend<string>(), heldAppend<string>()]
      const refused = appends.alone(place(1), first.run).catch(() => 'refused')
      const others = [appends.alone(place(2), second.run), appends.alone(place(3), third.run)]
      second.end('appended')
      if (end === 'refused') first.fail(new Error('refused'))
      else first.end(null)
      expect(await refused).toBe(end === 'refused' ? 'refused' : null)
      expect(await Promise.all(others)).toEqual(['appended', 'taken'])
      expect(third.begun()).toBe(false)
    }
  })

  it('the same commit sent twice is run, to find its own answer', async () => {
    const appends = appendsUnderWay()
    const [first, again] = [heldAppend<string>(), heldAppend<string>()]
    const answers = [appends.alone(place(1), first.run), appends.alone(place(1), again.run)]
    first.end('appended')
    again.end(null)
    expect(await Promise.all(answers)).toEqual(['appended', null])
  })

  it('the place after it, and other vaults, do not wait', async () => {
    const appends = appendsUnderWay()
    const [first, next, other] = [heldAppend<string>(), heldAppend<string>(), heldAppend<string>()]
    const waiting = appends.alone(place(1), first.run)
    next.end('next')
    other.end('other')
    expect(await appends.alone(place(2, 6), next.run)).toBe('next')
    expect(await appends.alone(place(2, 5, Uint8Array.of(2)), other.run)).toBe('other')
    first.end('first')
    expect(await waiting).toBe('first')
  })
})
