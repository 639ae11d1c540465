import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Operation } from '../log/operations.ts'
import { cloneState } from '../state/clone.ts'
import { encodeState } from '../state/columns.ts'
import { idKey } from '../state/id-key.ts'
import { isInTrash, subtreeOf } from '../state/queries.ts'
import type { VaultNode, VaultState } from '../state/state.ts'
import { commit, content, freshState, id } from '../testing/build.ts'
import { rebase } from './rebase.ts'
import { seenNodes } from './seen.ts'
import type { Rebased } from './types.ts'

const RUNS = process.env.STRONGROOM_SOAK === '1' ? 20_000 : 400
const label = { deviceName: 'laptop', timeMs: 0 }
const changeId = new Uint8Array(16).fill(7)

/** Numbers that choose an intention and what it is about. */
type Choice = [kind: number, node: number, folder: number, name: number]
const choice: fc.Arbitrary<Choice> = fc.tuple(fc.nat(9), fc.nat(63), fc.nat(63), fc.nat(2))

/** Turns choices into operations that apply one after the other, with ids that nobody else chooses. */
function plan(start: VaultState, choices: readonly Choice[], first: number): Operation[] {
  const state = cloneState(start)
  const operations: Operation[] = []
  for (const [index, choose] of choices.entries()) {
    const made = intention(state, choose, first + index)
    if (made.length > 0 && commit(state, made).applied) operations.push(...made)
  }
  return operations
}

function intention(state: VaultState, [kind, node, folder, name]: Choice, number: number): Operation[] {
  const all = [...state.nodes.values()].filter((entry) => entry.parentId !== null)
  const live = all.filter((entry) => !isInTrash(state, entry.id))
  const folders = [...live.filter((entry) => entry.kind === 'folder'), { id: state.rootId }]
  const files = live.filter((entry) => entry.kind === 'file')
  const parentId = pick(folders, folder)?.id ?? state.rootId
  const text = ['a', 'b', 'c.txt'][name] ?? 'a'
  const nodeId = id<NodeId>(number, 0x0a)
  const create = { op: 'create', nodeId, parentId, name: text } as const
  const target = pick(live, node)
  switch (kind) {
    case 0:
    case 1:
      return [{ ...create, kind: 'folder' }]
    case 2:
    case 3:
      return [{ ...create, kind: 'file' }, version(number, nodeId, null)]
    case 4:
    case 5: {
      const file = pick(files, node)
      return file === undefined ? [] : [version(number, file.id, file.versions.at(-1)?.id ?? null)]
    }
    case 6:
      if (target === undefined || target.parentId === null) return []
      if (idKey(target.parentId) === idKey(parentId) && target.name === text) return []
      return [
        {
          op: 'move',
          nodeId: target.id,
          fromParentId: target.parentId,
          fromName: target.name,
          toParentId: parentId,
          toName: text,
        },
      ]
    case 7:
      return target === undefined ? [] : [{ op: 'trash', nodeId: target.id }]
    case 8: {
      const trashed = pick(
        all.filter((entry) => entry.trashedMs !== null),
        node,
      )
      return trashed === undefined ? [] : [{ op: 'restore', nodeId: trashed.id, parentId, name: text }]
    }
    default: {
      const doomed = pick(all, node)
      return doomed === undefined ? [] : [purge(subtreeOf(state, doomed.id))]
    }
  }
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)]
}

function version(number: number, nodeId: NodeId, baseVersionId: VersionId | null): Operation {
  const versionId = id<VersionId>(number, 0xcc)
  return { op: 'addVersion', nodeId, versionId, baseVersionId, contents: [content(number)], mtimeMs: 0, mode: null }
}

function purge(nodes: readonly VaultNode[]): Operation {
  const versionIds = nodes.flatMap((node) => node.versions.map((entry) => ({ nodeId: node.id, versionId: entry.id })))
  return { op: 'purge', nodeIds: nodes.map((node) => node.id), versionIds }
}

function listedBy(operations: readonly Operation[]): { purged: Set<string>; trashed: Set<string> } {
  const purged = new Set<string>()
  const trashed = new Set<string>()
  for (const operation of operations) {
    if (operation.op === 'trash') trashed.add(idKey(operation.nodeId))
    if (operation.op === 'purge') for (const { versionId } of operation.versionIds) purged.add(idKey(versionId))
  }
  return { purged, trashed }
}

/** Every version, by id, with the node that holds it. */
function versionsOf(state: VaultState): Map<string, VaultNode> {
  const versions = new Map<string, VaultNode>()
  for (const node of state.nodes.values()) {
    for (const entry of node.versions) {
      expect(versions.has(idKey(entry.id))).toBe(false)
      versions.set(idKey(entry.id), node)
    }
  }
  return versions
}

/** Whether a node is above another one, or the same, in a state. */
function isIn(state: VaultState, nodeId: NodeId, above: ReadonlySet<string>): boolean {
  let node = state.nodes.get(idKey(nodeId))
  while (node !== undefined) {
    if (above.has(idKey(node.id))) return true
    node = node.parentId === null ? undefined : state.nodes.get(idKey(node.parentId))
  }
  return false
}

/** Whatever was there is there still, unless the plan names it. */
function expectNothingUnseenGone(before: VaultState, after: VaultState, operations: readonly Operation[]): void {
  const { purged, trashed } = listedBy(operations)
  const versions = versionsOf(after)
  for (const [key, node] of versionsOf(before)) {
    const found = versions.get(key)
    if (found === undefined) expect(purged.has(key)).toBe(true)
    else if (!isInTrash(before, node.id)) expectLive(after, found, trashed)
  }
}

/** Whatever the plan adds is there, unless it makes no sense any more. */
function expectVersionsThere(state: VaultState, operations: readonly Operation[], result: Rebased): void {
  const { purged, trashed } = listedBy(operations)
  const versions = versionsOf(state)
  for (const [index, operation] of operations.entries()) {
    if (operation.op !== 'addVersion' || purged.has(idKey(operation.versionId))) continue
    const outcome = result.outcomes[index]
    if (outcome?.outcome === 'refused') continue
    const holder = versions.get(idKey(operation.versionId))
    if (holder === undefined) throw new Error('a version is lost')
    expect(holder.id).toEqual(outcome?.nodeId)
    expectLive(state, holder, trashed)
  }
}

function expectLive(state: VaultState, node: VaultNode, trashed: ReadonlySet<string>): void {
  if (isInTrash(state, node.id)) expect(isIn(state, node.id, trashed)).toBe(true)
}

test('rebased operations apply, lose nothing, and take nothing that was not seen', { timeout: 600_000 }, async () => {
  const history = fc.array(choice, { minLength: 5, maxLength: 12 })
  const change = fc.array(choice, { minLength: 1, maxLength: 8 })
  const start = await freshState()
  let changed = 0
  fc.assert(
    fc.property(history, change, change, (before, ours, others) => {
      const state = cloneState(start)
      for (const operation of plan(state, before, 1)) commit(state, [operation])
      const operations = plan(state, ours, 100)
      const seen = seenNodes(operations, state)
      const input = { changeId, operations, seen, label, collisions: 'keep' as const }
      // On the state that they were planned on they stay as they are.
      expect(rebase({ ...input, state }).operations).toEqual(operations)

      for (const operation of plan(state, others, 200)) expect(commit(state, [operation]).applied).toBe(true)
      const newest = cloneState(state)
      const result = rebase({ ...input, state })
      expect(Buffer.compare(encodeState(state), encodeState(newest))).toBe(0)
      if (result.outcomes.some(({ outcome }) => outcome === 'changed')) changed += 1
      if (result.operations.length > 0) expect(commit(state, result.operations, { changeId }).applied).toBe(true)

      expectNothingUnseenGone(newest, state, operations)
      expectVersionsThere(state, operations, result)
      if (result.operations.length > 0) expect(rebase({ ...input, state }).operations).toEqual([])
    }),
    { seed: 3, numRuns: RUNS },
  )
  expect(changed).toBeGreaterThan(RUNS / 20)
})
