import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import { decode, encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyDeltas, encodeDelta } from '../checkpoint/delta.ts'
import { decodeBody, encodeBody } from '../log/body-codec.ts'
import type { Operation } from '../log/operations.ts'
import { commit, content, freshState, hasher, header, id, section } from '../testing/build.ts'
import { checkInvariants, operations } from '../testing/random-operations.ts'
import { applyCommit, references } from './apply-commit.ts'
import { cloneState } from './clone.ts'
import { COLUMNS } from './column-names.ts'
import { decodeOwnState, decodeState, encodeState, stateHash } from './columns.ts'
import type { VaultState } from './state.ts'

describe('the reducer', () => {
  test('keeps a tree, unique names and exact references, and does the same everywhere', async () => {
    const start = await richState()
    const commits = fc.array(fc.array(operations(start), { minLength: 1, maxLength: 2 }), {
      minLength: 5,
      maxLength: 60,
    })
    let applied = 0
    await fc.assert(
      fc.asyncProperty(commits, async (log) => {
        const state = cloneState(start)
        // What one device keeps in memory, another has read back from columns, and goes on from there.
        let twin = await decodeState(hasher, encodeState(start))
        for (const [index, list] of log.entries()) {
          const changeId = new Uint8Array(16).fill(index)
          const before = cloneState(state)
          const result = commit(state, list, { changeId })
          if (result.applied) applied += 1
          else expect(Buffer.compare(encodeState({ ...state, seq: before.seq }), encodeState(before))).toBe(0)
          const copy = cloneState(twin)
          expect(commit(twin, decodeBody(encodeBody(list)), { changeId }).applied).toBe(result.applied)
          expect(Buffer.compare(encodeState(copy), encodeState(before))).toBe(0)
          if (index % 5 === 4) twin = applyDeltas(copy, [encodeDelta(copy, twin)])
        }
        checkInvariants(state)
        checkInvariants(twin)
        const bytes = encodeState(state)
        expect(Buffer.compare(encodeState(twin), bytes)).toBe(0)
        const decoded = await decodeState(hasher, bytes)
        checkInvariants(decoded)
        expect(Buffer.compare(encodeState(decoded), bytes)).toBe(0)
      }),
      { seed: 7, numRuns: 300 },
    )
    expect(applied).toBeGreaterThan(500)
  })
})

async function richState(): Promise<VaultState> {
  const state = await freshState()
  const nodeId = id<NodeId>(3)
  const versionId = id<VersionId>(1, 0xcc)
  const add = { op: 'addVersion', nodeId, versionId, baseVersionId: null, contents: [content(1)], mtimeMs: 0 } as const
  const result = commit(state, [
    { op: 'create', nodeId: id(1), parentId: state.rootId, name: 'a', kind: 'folder' },
    { op: 'create', nodeId: id(2), parentId: id(1), name: 'b', kind: 'folder' },
    { op: 'create', nodeId, parentId: id(2), name: 'file', kind: 'file' },
    { op: 'create', nodeId: id(4), parentId: id(2), name: 'link', kind: 'symlink', target: 'x' },
    { ...add, contents: [...add.contents], mode: 0o600 },
    { op: 'trash', nodeId: id(4) },
    { op: 'record', type: 'x', key: new Uint8Array(1), value: new Uint8Array(2) },
  ])
  expect(result.applied).toBe(true)
  commit(state, [{ op: 'trash', nodeId: id(9) }], { released: [{ blobId: content(5).blobId, count: 1 }] })
  return state
}

describe('state columns', () => {
  test('hash to the same whoever encodes them', async () => {
    const state = await richState()
    const decoded = await decodeState(hasher, encodeState(state))
    expect(await stateHash(hasher, decoded)).toEqual(await stateHash(hasher, state))
  })

  test('changed, cut or extended anywhere are refused or another state’s canonical form', async () => {
    const bytes = encodeState(await richState())
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of [1, 0x80]) {
        const changed = bytes.slice()
        changed[at] = (changed[at] ?? 0) ^ mask
        await expectCanonicalOrRefused(changed)
      }
    }
    const value = decode(bytes) as (string | Uint8Array)[]
    for (let column = 1; column <= COLUMNS.length; column += 1) {
      const old = value[column] as Uint8Array
      for (const other of [
        new Uint8Array([...old, 0]),
        old.subarray(1),
        new Uint8Array(0),
        new Uint8Array([...old, ...old]),
      ]) {
        await expectCanonicalOrRefused(encode(value.with(column, other)))
      }
    }
    await expect(decodeState(hasher, encode(value.slice(0, -1)))).rejects.toMatchObject({ code: 'state_invalid' })
    await expect(decodeState(hasher, encode(value.with(0, 'SRS2')))).rejects.toMatchObject({ code: 'upgrade_required' })
  })

  test('are the same whether rows are copied or nodes written, with what the dictionaries hold of them', async () => {
    const made = await richState()
    const by = (state: VaultState, author: number, operations: Operation[]): void => {
      const changeId = new Uint8Array(16).fill(author)
      const commitHeader = header(state.seq + 1, { accountId: new Uint8Array(16).fill(author) })
      const commitSection = section({ changeId, ...references(operations, state) })
      const result = applyCommit(state, { header: commitHeader, section: commitSection, operations })
      expect(result).toMatchObject({ applied: true })
    }
    const file = (number: number, slot: string): Operation[] => {
      const nodeId = id<NodeId>(number)
      const version = { versionId: id<VersionId>(number, 0xcc), baseVersionId: null, mtimeMs: 0, mode: null }
      return [
        { op: 'create', nodeId, parentId: made.rootId, name: `file ${number}`, kind: 'file' },
        { op: 'addVersion', nodeId, ...version, contents: [content(number, { slot })] },
      ]
    }
    by(made, 0x05, file(5, 'main'))
    by(made, 0x77, file(6, 'middle'))
    const read = await decodeState(hasher, encodeState(made))
    for (const state of [made, read]) {
      by(state, 0x33, file(0, 'first'))
      const [toParentId, toName] = [made.rootId, 'a folder that rows lie in']
      const move = { nodeId: id<NodeId>(1), fromParentId: made.rootId, fromName: 'a', toParentId, toName }
      by(state, 0x44, [...file(9, 'zebra'), { op: 'trash', nodeId: id(6) }, { op: 'move', ...move }])
      // Takes its author with it.
      const versionIds = [{ nodeId: id<NodeId>(5), versionId: id<VersionId>(5, 0xcc) }]
      by(state, 0x33 + 1, [{ op: 'purge', nodeIds: [id(5)], versionIds }])
    }
    const bytes = encodeState(made)
    expect(Buffer.compare(encodeState(read), bytes)).toBe(0)
    expect(Buffer.compare(encodeState(await decodeState(hasher, bytes)), bytes)).toBe(0)
  })

  test('that this device has sealed are read as they are, and not beyond their lengths', async () => {
    const bytes = encodeState(await richState())
    const state = await decodeOwnState(hasher, bytes)
    checkInvariants(state)
    expect(Buffer.compare(encodeState(state), bytes)).toBe(0)
    const value = decode(bytes) as (string | Uint8Array)[]
    for (const [index, name] of COLUMNS.entries()) {
      const column = value[index + 1] as Uint8Array
      if (column.length === 0) continue
      const cut = encode(value.with(index + 1, column.subarray(1)))
      await expect(decodeOwnState(hasher, cut), name).rejects.toMatchObject({ code: 'state_invalid' })
    }
  })

  test('with a circle of parents, a file as parent or a name twice are refused', async () => {
    const value = decode(encodeState(await richState())) as (string | Uint8Array)[]
    const parents = (...rows: number[]): Uint8Array => new Uint8Array(rows.flatMap((row) => [0, 0, 0, row]))
    for (const rows of [parents(3, 2, 3, 3), parents(2, 2, 3, 3), parents(0, 4, 3, 3), parents(0, 9, 3, 3)]) {
      const bytes = encode(value.with(3, rows))
      await expect(decodeState(hasher, bytes)).rejects.toMatchObject({ code: 'state_invalid' })
    }
    const sameNames = value.with(3, parents(0, 0, 3, 3)).with(5, new TextEncoder().encode('aafilelink'))
    await expect(decodeState(hasher, encode(sameNames))).rejects.toMatchObject({ code: 'state_invalid' })
    await expect(decodeState(hasher, encode(value.with(3, parents(0, 0, 3, 3))))).resolves.toBeDefined()
  })
})

async function expectCanonicalOrRefused(bytes: Uint8Array): Promise<void> {
  try {
    const state = await decodeState(hasher, bytes)
    expect(Buffer.compare(encodeState(state), bytes)).toBe(0)
    checkInvariants(state)
  } catch (error) {
    expect(error).toMatchObject({ name: 'VaultError' })
  }
}
