import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { VaultError } from '../header/errors.ts'
import { cloneState } from '../state/clone.ts'
import { decodeState, encodeState, stateHash } from '../state/columns.ts'
import type { VaultState } from '../state/state.ts'
import { commit, content, freshState, hasher, id } from '../testing/build.ts'
import { checkInvariants, operations } from '../testing/random-operations.ts'
import { applyDelta, applyDeltas, encodeDelta } from './delta.ts'
import { openCheckpointState } from './open-state.ts'

/** A vault with some of everything, and what becomes of it. */
async function histories(): Promise<fc.Arbitrary<VaultState[]>> {
  const start = await freshState()
  for (const number of [0, 1, 2]) {
    commit(start, [
      { op: 'create', nodeId: id(number), parentId: start.rootId, name: `folder ${number}`, kind: 'folder' },
    ])
    const file = id<never>(number + 3)
    const contents = [content(number)]
    const version = { versionId: id<never>(number, 0xcc), baseVersionId: null, contents, mtimeMs: 0, mode: null }
    commit(start, [
      { op: 'create', nodeId: file, parentId: id(number), name: 'a', kind: 'file' },
      { op: 'addVersion', nodeId: file, ...version },
    ])
  }
  const lists = fc.array(fc.array(operations(start), { minLength: 1, maxLength: 2 }), { minLength: 3, maxLength: 30 })
  return lists.map((log) => {
    const state = cloneState(start)
    const states = [cloneState(start)]
    for (const [index, list] of log.entries()) {
      commit(state, list, { changeId: new Uint8Array(16).fill(index + 1) })
      if (index % 7 === 6) states.push(cloneState(state))
    }
    return [...states, state]
  })
}

/** Changes a column: a bit, an item's worth of bytes less or more, two places swapped. */
const damage = fc.record({
  column: fc.nat(),
  at: fc.nat(),
  mask: fc.integer({ min: 1, max: 255 }),
  how: fc.constantFrom('flip', 'cut', 'extend', 'swap', 'repeat'),
  width: fc.constantFrom(1, 2, 4, 8, 16, 32),
})

type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never

function damaged(bytes: Uint8Array, { column, at, mask, how, width }: Damage): Uint8Array {
  const value = decode(bytes) as Uint8Array[]
  const filled = value.flatMap((item, index) => (index > 0 && item.length > 0 ? [index] : []))
  const index = filled[column % filled.length] ?? 1
  const item = new Uint8Array(value[index] ?? [])
  const place = at % item.length
  const from = place - (place % width)
  switch (how) {
    case 'flip':
      item[place] = (item[place] ?? 0) ^ mask
      return encode(value.with(index, item))
    case 'cut':
      return encode(value.with(index, new Uint8Array([...item.subarray(0, from), ...item.subarray(from + width)])))
    case 'extend':
      return encode(value.with(index, new Uint8Array([...item, ...new Uint8Array(width).fill(mask)])))
    case 'swap':
      return encode(value.with(index, new Uint8Array([...item.subarray(from), ...item.subarray(0, from)])))
    case 'repeat':
      return encode(value.with(index, new Uint8Array([...item.subarray(0, from + width), ...item.subarray(from)])))
  }
}

/** Takes a VaultError for null; anything else fails the test. */
async function accepted(open: () => VaultState | Promise<VaultState>): Promise<VaultState | null> {
  try {
    return await open()
  } catch (error) {
    if (error instanceof VaultError) return null
    throw error
  }
}

describe('a damaged base', () => {
  test('is refused, or is the canonical form of a sound state', async () => {
    let refused = 0
    await fc.assert(
      fc.asyncProperty(await histories(), damage, async (states, change) => {
        const bytes = encodeState(states.at(-1) ?? (await freshState()))
        const changed = damaged(bytes, change)
        const state = await accepted(() => decodeState(hasher, changed))
        if (state === null) {
          refused += 1
          return
        }
        checkInvariants(state)
        expect(Buffer.compare(encodeState(state), changed)).toBe(0)
      }),
      { seed: 31, numRuns: 400 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  test('never has the state hash of another', async () => {
    await fc.assert(
      fc.asyncProperty(await histories(), damage, async (states, change) => {
        const state = states.at(-1) ?? (await freshState())
        const base = encodeState(state)
        const changed = damaged(base, change)
        if (Buffer.compare(base, changed) === 0) return
        const manifest = { seq: state.seq, stateHash: await stateHash(hasher, state) }
        const open = openCheckpointState(hasher, state.vaultId, manifest, { base: changed, deltas: [] })
        await expect(open).rejects.toMatchObject({ code: 'checkpoint_invalid' })
      }),
      { seed: 32, numRuns: 100 },
    )
  })
})

describe('deltas', () => {
  test('lead to the same state, indexes and all, in place and from copies', async () => {
    await fc.assert(
      fc.asyncProperty(await histories(), async (states) => {
        const [first, ...later] = states
        if (first === undefined) return
        const deltas = later.map((state, index) => encodeDelta(states[index] ?? first, state))
        const newest = states.at(-1) ?? first
        const state = applyDeltas(first, deltas)
        checkInvariants(state)
        expect(Buffer.compare(encodeState(state), encodeState(newest))).toBe(0)
        const manifest = { seq: newest.seq, stateHash: await stateHash(hasher, newest) }
        const base = encodeState(first)
        const opened = await openCheckpointState(hasher, first.vaultId, manifest, { base, deltas })
        expect(Buffer.compare(encodeState(opened), encodeState(newest))).toBe(0)
        const unshared = encodeDelta(await decodeState(hasher, base), newest)
        expect(Buffer.compare(encodeState(applyDeltas(first, [unshared])), encodeState(newest))).toBe(0)
      }),
      { seed: 33, numRuns: 150 },
    )
  })

  test('that are damaged are refused, or lead to a sound state', async () => {
    let refused = 0
    await fc.assert(
      fc.asyncProperty(await histories(), damage, async (states, change) => {
        const [first, last] = [states[0], states.at(-1)]
        if (first === undefined || last === undefined) return
        const delta = damaged(encodeDelta(first, last), change)
        const state = await accepted(() => {
          const copy = cloneState(first)
          applyDelta(copy, delta)
          return copy
        })
        if (state === null) {
          refused += 1
          return
        }
        checkInvariants(state)
        const bytes = encodeState(state)
        expect(Buffer.compare(encodeState(await decodeState(hasher, bytes)), bytes)).toBe(0)
      }),
      { seed: 34, numRuns: 600 },
    )
    expect(refused).toBeGreaterThan(200)
  })
})
