import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import { loadPins } from '../session/pins.ts'
import { headGuard } from './head-guard.ts'

const hash = (byte: number) => new Uint8Array(32).fill(byte)
const reason = (name: string) =>
  expect.objectContaining({ code: 'integrity', details: expect.objectContaining({ reason: name }) })

describe('the guard of a head', () => {
  it('moves the pin forward, also after others did', async () => {
    const store = memoryStore()
    const [one, other] = [await headGuard(store, 'v'), await headGuard(store, 'v')]
    for (const guard of [one, other]) for (const seq of [1, 2]) guard.pass(seq, hash(seq))
    expect(await one.settle({ seq: 1, hash: hash(1) })).toBe('settled')
    expect(await other.settle({ seq: 2, hash: hash(2) })).toBe('settled')
    expect((await loadPins(store)).heads.v?.seq).toBe(2)
    expect(await one.settle({ seq: 1, hash: hash(1) })).toBe('behind')
    expect(one.pin?.seq).toBe(2)
    expect((await loadPins(store)).heads.v?.seq).toBe(2)
  })

  it('stops on a server that is behind what another process has seen', async () => {
    const store = memoryStore()
    const [one, other] = [await headGuard(store, 'v'), await headGuard(store, 'v')]
    other.pass(3, hash(3))
    await other.settle({ seq: 3, hash: hash(3) })
    const old = { seq: 2, hash: hash(2) }
    expect(one.compare(old, old)).toBe('reached')
    expect(await one.settle(old)).toBe('behind')
    expect(() => one.compare(old, old)).toThrow(reason('rolled_back'))
  })

  it('stops when another process pinned another history on the way', async () => {
    const store = memoryStore()
    const [one, other] = [await headGuard(store, 'v'), await headGuard(store, 'v')]
    other.pass(3, hash(33))
    await other.settle({ seq: 3, hash: hash(33) })
    for (const seq of [3, 4]) one.pass(seq, hash(seq))
    await expect(one.settle({ seq: 4, hash: hash(4) })).rejects.toEqual(reason('forked'))
    expect((await loadPins(store)).heads.v?.seq).toBe(3)
  })

  it('says what was seen and what is shown', async () => {
    const store = memoryStore()
    const guard = await headGuard(store, 'v')
    guard.pass(5, hash(5))
    await guard.settle({ seq: 5, hash: hash(5) })
    expect(() => guard.pass(5, hash(6))).toThrow(reason('forked'))
    expect(() => guard.compare({ seq: 5, hash: hash(6) }, { seq: 5, hash: hash(5) })).toThrow(reason('forked'))
    expect(() => guard.compare({ seq: 4, hash: hash(4) }, { seq: 5, hash: hash(5) })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/commit 4 .* commit 5/),
        details: {
          reason: 'rolled_back',
          knownSeq: 5,
          knownHash: '05'.repeat(32),
          shownSeq: 4,
          shownHash: '04'.repeat(32),
        },
      }),
    )
    expect(guard.compare({ seq: 6, hash: hash(6) }, { seq: 5, hash: hash(5) })).toBe('behind')
    expect(guard.compare({ seq: 0, hash: hash(0) }, null)).toBe('behind')
  })
})
