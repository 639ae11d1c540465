import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { Operation } from '../log/operations.ts'
import { idKey } from '../state/id-key.ts'
import type { VaultState } from '../state/state.ts'
import { content, id } from './build.ts'

/** A few ids and names, so that operations meet. */
export function operations(state: VaultState): fc.Arbitrary<Operation> {
  const number = fc.nat(7)
  const nodeId = fc.oneof(
    { weight: 8, arbitrary: number.map((value) => id<NodeId>(value)) },
    { weight: 1, arbitrary: fc.constantFrom(state.rootId, state.recoveredId) },
  )
  const parentId = fc.oneof(nodeId, fc.constant(state.rootId))
  const versionId = number.map((value) => id<VersionId>(value, 0xcc))
  const name = fc.constantFrom('a', 'b', 'c')
  const slot = fc.constantFrom('main', 'thumbnail')
  const record = fc.record({ blob: number, slot }).map(({ blob, slot: at }) => content(blob, { slot: at }))
  const shape = fc.constantFrom<
    ({ kind: 'folder' } | { kind: 'file' } | { kind: 'unknown'; code: number; data: Uint8Array })[]
  >({ kind: 'folder' }, { kind: 'folder' }, { kind: 'file' }, { kind: 'unknown', code: 9, data: new Uint8Array(2) })
  return fc.oneof(
    fc
      .record({ op: fc.constant('create' as const), nodeId, parentId, name })
      .chain((operation) => shape.map((what): Operation => ({ ...operation, ...what }))),
    fc.record({
      op: fc.constant('addVersion' as const),
      nodeId,
      versionId,
      baseVersionId: fc.option(versionId),
      contents: fc.tuple(record),
      mtimeMs: fc.constant(0),
      mode: fc.option(fc.constant(0o600)),
    }),
    fc.record({
      op: fc.constant('move' as const),
      nodeId,
      fromParentId: parentId,
      fromName: name,
      toParentId: parentId,
      toName: name,
    }),
    fc.record({ op: fc.constant('trash' as const), nodeId }),
    fc.record({ op: fc.constant('restore' as const), nodeId, parentId, name }),
    fc.record({
      op: fc.constant('purge' as const),
      nodeIds: fc.array(nodeId, { maxLength: 3 }),
      versionIds: fc.array(fc.record({ nodeId, versionId }), { maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('attach' as const), nodeId, versionId, content: record }),
    fc.record({
      op: fc.constant('replace' as const),
      nodeId,
      versionId,
      slot,
      oldBlobId: number.map((blob) => content(blob).blobId),
      content: record,
    }),
    fc.record({
      op: fc.constant('record' as const),
      type: fc.constantFrom('a', 'a-b'),
      key: fc.uint8Array({ maxLength: 1 }),
      value: fc.option(fc.uint8Array({ maxLength: 2 })),
    }),
  )
}

/** What must hold of every state. */
export function checkInvariants(state: VaultState): void {
  const counts = new Map<string, number>()
  const places = new Set<string>()
  for (const [key, node] of state.nodes) {
    expect(idKey(node.id)).toBe(key)
    for (const { contents } of node.versions) {
      for (const { blobId } of contents) counts.set(idKey(blobId), (counts.get(idKey(blobId)) ?? 0) + 1)
    }
    if (node.parentId === null) continue
    const parentKey = idKey(node.parentId)
    expect(state.nodes.get(parentKey)?.kind).toBe('folder')
    if (node.trashedMs === null) {
      expect(places.has(`${parentKey}/${node.name}`)).toBe(false)
      places.add(`${parentKey}/${node.name}`)
      expect(state.children.get(parentKey)?.get(node.name)).toBe(key)
    } else {
      expect(state.trashedChildren.get(parentKey)?.has(key)).toBe(true)
    }
    let above = node
    for (let steps = 0; above.parentId !== null; steps += 1) {
      expect(steps).toBeLessThan(state.nodes.size)
      const parent = state.nodes.get(idKey(above.parentId))
      if (parent === undefined) throw new Error('a parent is missing')
      above = parent
    }
  }
  const entries = [...state.children.values()].reduce((sum, names) => sum + names.size, 0)
  const trashed = [...state.trashedChildren.values()].reduce((sum, nodes) => sum + nodes.size, 0)
  expect(entries + trashed).toBe(state.nodes.size - 2)
  expect(new Map([...state.references].map(([key, { count }]) => [key, count]))).toEqual(counts)
}
