import type { NodeId } from '@strongroom/crypto/envelope'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Operation } from '../log/operations.ts'
import { commit, freshState, hasher, id } from '../testing/build.ts'
import { operations } from '../testing/random-operations.ts'
import { cloneState } from './clone.ts'
import { decodeState, encodeState } from './columns.ts'
import { newestFiles } from './newest.ts'
import { currentVersion, isInTrash } from './queries.ts'
import type { VaultNode, VaultState } from './state.ts'

const msOf = (node: VaultNode): number => currentVersion(node)?.mtimeMs ?? node.createdMs

/** Times of all files outside the trash, the newest first. */
function allTimes(state: VaultState): number[] {
  const files = [...state.nodes.values()].filter(({ id: nodeId, kind }) => kind === 'file' && !isInTrash(state, nodeId))
  return files.map(msOf).sort((a, b) => b - a)
}

function expectNewest(state: VaultState, most: number): number {
  const found = newestFiles(state, most)
  expect(found.map(msOf)).toEqual(allTimes(state).slice(0, most))
  expect(new Set(found).size).toBe(found.length)
  expect(found.filter((node) => node.kind !== 'file' || isInTrash(state, node.id))).toEqual([])
  return found.length
}

describe('the newest files', () => {
  test('are those of all nodes, whether they lie in rows, have changed since or are in the trash', async () => {
    const start = await freshState()
    const files = Array.from({ length: 6 }, (_, index): Operation => {
      const nodeId = id<NodeId>(index)
      return { op: 'create', nodeId, parentId: start.rootId, name: `file ${index}`, kind: 'file' }
    })
    expect(commit(start, files).applied).toBe(true)
    const timed = operations(start).chain((operation) =>
      operation.op === 'addVersion'
        ? fc.nat(50).map((mtimeMs): Operation => ({ ...operation, mtimeMs }))
        : fc.constant<Operation>(operation),
    )
    const log = fc.array(fc.array(timed, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 40 })
    let found = 0
    await fc.assert(
      fc.asyncProperty(log, log, fc.integer({ min: 0, max: 6 }), async (first, second, most) => {
        const made = cloneState(start)
        const change = (state: VaultState, lists: Operation[][], from: number): void => {
          for (const [index, list] of lists.entries())
            commit(state, list, { changeId: new Uint8Array(16).fill(from + index) })
        }
        change(made, first, 0)
        const read = await decodeState(hasher, encodeState(made))
        for (const state of [made, read]) {
          found += expectNewest(state, most)
          change(state, second, 100)
          found += expectNewest(state, most)
        }
      }),
      { seed: 23, numRuns: 100 },
    )
    expect(found).toBeGreaterThan(500)
  })
})
