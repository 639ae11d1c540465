import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Operation, ReplaceOperation } from '../log/operations.ts'
import { applyCommit } from '../state/apply-commit.ts'
import { cloneState } from '../state/clone.ts'
import { encodeState } from '../state/columns.ts'
import type { VaultState } from '../state/state.ts'
import { commit, content, freshState, header, id, section } from '../testing/build.ts'
import { checkInvariants, operations } from '../testing/random-operations.ts'
import { rebase } from './rebase.ts'

const RUNS = process.env.STRONGROOM_SOAK === '1' ? 5000 : 300
const label = { deviceName: 'laptop', timeMs: 0 }

/** Files of several versions, one in the trash, two versions that share a content. */
async function filesWithVersions(): Promise<VaultState> {
  const state = await freshState()
  const add = (node: number, version: number, base: number | null, blob: number): Operation => ({
    op: 'addVersion',
    nodeId: id<NodeId>(node),
    versionId: id<VersionId>(version, 0xcc),
    baseVersionId: base === null ? null : id<VersionId>(base, 0xcc),
    contents: [content(blob), content(blob + 20, { slot: 'thumbnail' })],
    mtimeMs: 0,
    mode: null,
  })
  const create = (node: number, name: string): Operation => ({
    op: 'create',
    nodeId: id<NodeId>(node),
    parentId: state.rootId,
    name,
    kind: 'file',
  })
  const made = [create(1, 'a'), add(1, 1, null, 1), add(1, 2, 1, 2), create(2, 'b'), add(2, 3, null, 3)]
  const shared = [create(3, 'c'), add(3, 4, null, 1), { op: 'trash', nodeId: id<NodeId>(2) } as const]
  expect(commit(state, [...made, ...shared]).applied).toBe(true)
  return state
}

/** New contents for everything that a state has, as a rotation of keys plans them. */
function rotation(state: VaultState, first: number): ReplaceOperation[] {
  const blobs = new Map<string, number>()
  const plan: ReplaceOperation[] = []
  for (const node of state.nodes.values()) {
    for (const version of node.versions) {
      for (const { slot, blobId } of version.contents) {
        const key = blobId.join()
        const blob = blobs.get(key) ?? first + blobs.size
        blobs.set(key, blob)
        const next = { ...content(blob, { slot }), dekTimeMs: 9 }
        plan.push({ op: 'replace', nodeId: node.id, versionId: version.id, slot, oldBlobId: blobId, content: next })
      }
    }
  }
  return plan
}

/** A state without what a rotation changes. */
const withoutKeys = (state: VaultState): unknown =>
  [...state.nodes.values()].map(({ versions, ...node }) => ({
    ...node,
    versions: versions.map(({ contents, ...version }) => ({
      ...version,
      contents: contents.map(({ slot, size }) => ({ slot, size })),
    })),
  }))

function rebased(state: VaultState, plan: readonly Operation[]): Operation[] {
  const changeId = new Uint8Array(16).fill(3)
  return rebase({ changeId, operations: plan, seen: [], state, label, collisions: 'keep' }).operations
}

test('a rotation of contents changes nothing but their keys, whatever others did meanwhile', async () => {
  const start = await filesWithVersions()
  const others = fc.array(fc.array(operations(start), { minLength: 1, maxLength: 3 }), { maxLength: 12 })
  await fc.assert(
    fc.property(others, (log) => {
      const plan = rotation(start, 100)
      const state = cloneState(start)
      for (const list of log) commit(state, list)
      const before = withoutKeys(state)
      const kept = rebased(state, plan)
      if (kept.length > 0) expect(commit(state, kept).applied).toBe(true)
      expect(withoutKeys(state)).toEqual(before)
      checkInvariants(state)
      // What the plan could still reach has its new key now: doing it again finds nothing.
      expect(rebased(state, plan)).toEqual([])
    }),
    { seed: 5, numRuns: RUNS },
  )
})

test('of two rotations at once one counts, and the other has nothing left to do', async () => {
  const start = await filesWithVersions()
  const state = cloneState(start)
  const [one, two] = [rotation(start, 100), rotation(start, 200)]
  expect(commit(state, one).applied).toBe(true)
  const bytes = encodeState(state)
  expect(rebased(state, two)).toEqual([])
  expect(commit(state, two)).toMatchObject({ applied: false, reason: 'content_differs' })
  expect(Buffer.compare(encodeState({ ...state, seq: state.seq - 1, imbalance: new Map() }), bytes)).toBe(0)
})

test('an epoch commit between the planning and the commit of a rotation changes nothing of it', async () => {
  const start = await filesWithVersions()
  const plan = rotation(start, 100)
  const state = cloneState(start)
  const before = withoutKeys(state)
  const epoch = { header: header(state.seq + 1, { membership: true }), section: section(), operations: [] }
  expect(applyCommit(state, epoch).applied).toBe(true)
  expect(withoutKeys(state)).toEqual(before)
  expect(rebased(state, plan)).toEqual(plan)
  expect(commit(state, rebased(state, plan)).applied).toBe(true)
})
