import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import { expect, test } from 'vitest'
import { encodeBody } from '../log/body-codec.ts'
import type { Operation } from '../log/operations.ts'
import { commit, content, freshState, id } from '../testing/build.ts'
import { splitOperations } from './split.ts'

const file = (number: number): Operation[] => [
  { op: 'create', nodeId: id<NodeId>(number), parentId: id(0), name: `${number}`, kind: 'file' },
  {
    op: 'addVersion',
    nodeId: id<NodeId>(number),
    versionId: id<VersionId>(number, 0xcc),
    baseVersionId: null,
    contents: [content(number)],
    mtimeMs: 0,
    mode: null,
  },
]

test('batches apply one after the other and add up to what was asked for', async () => {
  const operations = Array.from({ length: 6000 }, (_, index) => file(index + 1)).flat()
  const batches = splitOperations(operations)
  expect(batches.length).toBeGreaterThan(2)
  expect(batches.flat()).toEqual(operations)
  const state = await freshState()
  for (const batch of batches) {
    expect(encodeBody(batch).length).toBeLessThanOrEqual(401 * 1024)
    expect(batch[0]?.op).toBe('create')
    expect(commit(state, batch)).toMatchObject({ applied: true })
  }
})

test('what is replaced stays with what replaces it', () => {
  const operations = Array.from({ length: 3000 }, (_, index): Operation[] => [
    { op: 'trash', nodeId: id(index) },
    { op: 'create', nodeId: id(index + 10_000), parentId: id(0), name: `${index}`, kind: 'folder' },
  ]).flat()
  for (const batch of splitOperations(operations)) expect(batch[0]?.op).toBe('trash')
  expect(splitOperations(operations).length).toBeGreaterThan(1)
})

test('an operation larger than a batch is one of its own', () => {
  const value = new Uint8Array(65_536)
  const records = Array.from(
    { length: 8 },
    (_, key): Operation => ({
      op: 'record',
      type: 'x',
      key: new Uint8Array([key]),
      value,
    }),
  )
  const purge: Operation = {
    op: 'purge',
    nodeIds: Array.from({ length: 10_000 }, (_, index) => id<NodeId>(index)),
    versionIds: Array.from({ length: 10_000 }, (_, index) => ({ nodeId: id<NodeId>(index), versionId: id(index) })),
  }
  expect(splitOperations([...records, purge]).map((batch) => batch.length)).toEqual([6, 2, 1])
  expect(splitOperations([])).toEqual([])
})
