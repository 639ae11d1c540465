import type { BlobId, NodeId, VaultId, VersionId } from '@strongroom/crypto/envelope'
import { encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { content, id } from '../testing/build.ts'
import { decodeBody, encodeBody } from './body-codec.ts'
import type { Operation } from './operations.ts'

const nodeId = id<NodeId>(1)
const versionId = id<VersionId>(2)
const place = { nodeId, versionId }

const ALL: Operation[] = [
  { op: 'create', nodeId, parentId: id(9), name: 'ordner', kind: 'folder' },
  { op: 'create', nodeId, parentId: id(9), name: '\uFEFFÄ.txt', kind: 'file' },
  { op: 'create', nodeId, parentId: id(9), name: 'link', kind: 'symlink', target: '../a/b' },
  { op: 'create', nodeId, parentId: id(9), name: 'm', kind: 'mount', mountedVaultId: id<VaultId>(5) },
  { op: 'create', nodeId, parentId: id(9), name: 'u', kind: 'unknown', code: 65_535, data: new Uint8Array(4096) },
  {
    op: 'addVersion',
    ...place,
    baseVersionId: null,
    contents: [content(1), content(2, { slot: 'thumbnail', size: 0 })],
    mtimeMs: Number.MIN_SAFE_INTEGER,
    mode: null,
  },
  { op: 'addVersion', ...place, baseVersionId: versionId, contents: [content(1)], mtimeMs: 0, mode: 0o7777 },
  { op: 'move', nodeId, fromParentId: id(3), fromName: 'a', toParentId: id(4), toName: 'b' },
  { op: 'trash', nodeId },
  { op: 'restore', nodeId, parentId: id(3), name: 'a' },
  { op: 'purge', nodeIds: [nodeId], versionIds: [place] },
  { op: 'attach', ...place, content: content(3, { slot: 'thumbnail' }) },
  { op: 'replace', ...place, slot: 'main', oldBlobId: id<BlobId>(6), content: content(3) },
  { op: 'record', type: 'device', key: new Uint8Array(0), value: null },
  { op: 'record', type: 'device', key: new Uint8Array(64), value: new Uint8Array(65_536) },
]

const refuses = (code: string) => expect.objectContaining({ name: 'VaultError', code })
const body = (...operations: unknown[]) => encode([1, operations])

describe('a body', () => {
  test('decodes to the operations that were encoded', () => {
    expect(decodeBody(encodeBody(ALL))).toEqual(ALL)
    expect(decodeBody(encodeBody([]))).toEqual([])
  })

  test('does not encode what would not be decoded', () => {
    const create = { op: 'create', nodeId, parentId: id<NodeId>(9), name: 'x', kind: 'folder' } as const
    const wrong: Operation[] = [
      { ...create, name: '..' },
      { ...create, name: '\uD800' },
      { ...create, name: 'a/b' },
      { ...create, nodeId: new Uint8Array(15) as Uint8Array as NodeId },
      { ...create, kind: 'symlink', target: '' },
      { ...create, kind: 'symlink', target: 'a\0' },
      { ...create, kind: 'symlink', target: '\uDC00' },
      { ...create, kind: 'unknown', code: 1, data: new Uint8Array(1) },
      { op: 'record', type: 'Upper', key: new Uint8Array(0), value: null },
      { op: 'record', type: 'x', key: new Uint8Array(65), value: null },
      { op: 'addVersion', ...place, baseVersionId: null, contents: [], mtimeMs: 0, mode: null },
      { op: 'addVersion', ...place, baseVersionId: null, contents: [content(1), content(2)], mtimeMs: 0, mode: null },
      { op: 'addVersion', ...place, baseVersionId: null, contents: [content(1)], mtimeMs: 0.5, mode: null },
      { op: 'addVersion', ...place, baseVersionId: null, contents: [content(1)], mtimeMs: 0, mode: 0o10000 },
      { op: 'attach', ...place, content: { ...content(1), blobLength: 1 } },
      { op: 'attach', ...place, content: { ...content(1), partSize: 9 } },
      { op: 'attach', ...place, content: { ...content(1), size: -1 } },
    ]
    for (const [index, operation] of wrong.entries()) {
      expect(() => encodeBody([operation]), `case ${index}`).toThrow(refuses('operation_invalid'))
    }
    const many = Array.from({ length: 10_001 }, (): Operation => ({ op: 'trash', nodeId }))
    expect(() => encodeBody(many)).toThrow(refuses('limits_exceeded'))
  })

  test('asks for an upgrade when a version or operation is unknown', () => {
    expect(() => decodeBody(encode([2, []]))).toThrow(refuses('upgrade_required'))
    expect(() => decodeBody(body([10, nodeId]))).toThrow(refuses('upgrade_required'))
    expect(() => decodeBody(body([0]))).toThrow(refuses('upgrade_required'))
  })

  test('is refused when an operation has another shape', () => {
    const name = new Uint8Array([0x78])
    const wrong: unknown[] = [
      [4],
      [4, nodeId, nodeId],
      [4, 'text'],
      [],
      7,
      [1, nodeId, nodeId, name, 0, new Uint8Array(1)],
      [1, nodeId, nodeId, 'x', 0, new Uint8Array(0)],
      [1, nodeId, nodeId, new Uint8Array([0xff]), 0, new Uint8Array(0)],
      [1, nodeId, nodeId, new Uint8Array([0x2e]), 0, new Uint8Array(0)],
      [1, nodeId, nodeId, new Uint8Array(256).fill(0x61), 0, new Uint8Array(0)],
      [1, nodeId, nodeId, name, 3, new Uint8Array(15)],
      [1, nodeId, nodeId, name, 65_536, new Uint8Array(0)],
      [2, nodeId, versionId, false, [], 0, null],
    ]
    for (const [index, operation] of wrong.entries()) {
      expect(() => decodeBody(body(operation)), `case ${index}`).toThrow(refuses('body_invalid'))
    }
    expect(() => decodeBody(encode([1, [], []]))).toThrow(refuses('body_invalid'))
  })

  test('changed anywhere decodes canonically or not at all', () => {
    const bytes = encodeBody(ALL.filter((operation) => operation.op !== 'record' && operation.op !== 'create'))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = bytes.slice()
        changed[at] = (changed[at] ?? 0) ^ mask
        try {
          expect(Buffer.compare(encodeBody(decodeBody(changed)), changed)).toBe(0)
        } catch (error) {
          expect(error).toMatchObject({ name: 'VaultError' })
        }
      }),
      { seed: 1, numRuns: 2000 },
    )
  })
})
