import type { NodeId, VersionId } from '@strongroom/crypto/envelope'
import { describe, expect, test } from 'vitest'
import type { AddVersionOperation, Operation } from '../log/operations.ts'
import { cloneState } from '../state/clone.ts'
import { encodeState } from '../state/columns.ts'
import { idKey } from '../state/id-key.ts'
import { nodeAt, nodeById, pathOf } from '../state/queries.ts'
import type { VaultState } from '../state/state.ts'
import { commit, content, freshState, id } from '../testing/build.ts'
import { rebase } from './rebase.ts'
import { seenNodes } from './seen.ts'
import type { Rebased } from './types.ts'

const label = { deviceName: 'laptop', timeMs: Date.UTC(2026, 10, 29, 20, 15) }
const COPY = 'f (conflict, laptop, 2026-11-29 20.15)'
const changeId = new Uint8Array(16).fill(7)

const folder = (number: number, parentId: NodeId, name: string): Operation => ({
  op: 'create',
  nodeId: id<NodeId>(number),
  parentId,
  name,
  kind: 'folder',
})
const file = (number: number, parentId: NodeId, name: string): Operation => ({
  op: 'create',
  nodeId: id<NodeId>(number),
  parentId,
  name,
  kind: 'file',
})
const version = (number: number, node: number, base: number | null): AddVersionOperation => ({
  op: 'addVersion',
  nodeId: id<NodeId>(node),
  versionId: id<VersionId>(number, 0xcc),
  baseVersionId: base === null ? null : id<VersionId>(base, 0xcc),
  contents: [content(number)],
  mtimeMs: number,
  mode: null,
})
const trash = (number: number): Operation => ({ op: 'trash', nodeId: id<NodeId>(number) })
const move = (number: number, from: [NodeId, string], to: [NodeId, string]): Operation => ({
  op: 'move',
  nodeId: id<NodeId>(number),
  fromParentId: from[0],
  fromName: from[1],
  toParentId: to[0],
  toName: to[1],
})

/** /d (1), /d/f (2, version 1), /e (3). */
async function start(): Promise<VaultState> {
  const state = await freshState()
  const made = commit(state, [
    folder(1, state.rootId, 'd'),
    file(2, id(1), 'f'),
    version(1, 2, null),
    folder(3, state.rootId, 'e'),
  ])
  expect(made.applied).toBe(true)
  return state
}

interface Meeting {
  readonly state: VaultState
  readonly result: Rebased
}

/** Plans `mine` on the start, lets `theirs` come first, rebases and commits. */
async function meet(
  mine: (root: NodeId) => Operation[],
  theirs: (root: NodeId) => Operation[],
  collisions: 'keep' | 'skip' = 'keep',
): Promise<Meeting> {
  const state = await start()
  const operations = mine(state.rootId)
  const seen = seenNodes(operations, state)
  expect(commit(state, theirs(state.rootId))).toMatchObject({ applied: true })
  const before = encodeState(state)
  const result = rebase({ changeId, operations, seen, state, label, collisions })
  expect(Buffer.compare(encodeState(state), before)).toBe(0)
  if (result.operations.length > 0) expect(commit(state, result.operations)).toMatchObject({ applied: true })
  return { state, result }
}

const outcomes = ({ result }: Meeting) => result.outcomes.map(({ outcome }) => outcome)
const versionsAt = (state: VaultState, ...names: string[]) =>
  nodeAt(state, names)?.versions.map((entry) => idKey(entry.id)) ?? null
const versionKey = (number: number) => idKey(id<VersionId>(number, 0xcc))

describe('a new version', () => {
  test('of a file that got another one becomes a conflict copy beside it', async () => {
    const met = await meet(
      () => [version(8, 2, 1)],
      () => [version(9, 2, 1)],
    )
    expect(outcomes(met)).toEqual(['changed'])
    expect(versionsAt(met.state, 'd', 'f')).toEqual([versionKey(1), versionKey(9)])
    expect(versionsAt(met.state, 'd', COPY)).toEqual([versionKey(8)])
    expect(met.result.outcomes[0]?.nodeId).toEqual(id(8, 0xcc))
  })

  test('is added where the file was moved to meanwhile', async () => {
    const met = await meet(
      () => [version(8, 2, 1)],
      (root) => [move(2, [id(1), 'f'], [root, 'g'])],
    )
    expect(outcomes(met)).toEqual(['kept'])
    expect(versionsAt(met.state, 'g')).toEqual([versionKey(1), versionKey(8)])
  })

  test.each(['trashed', 'purged'])('of a file %s meanwhile becomes a file under the old name', async (how) => {
    const purge: Operation = {
      op: 'purge',
      nodeIds: [id(2)],
      versionIds: [{ nodeId: id(2), versionId: id(1, 0xcc) }],
    }
    const met = await meet(
      () => [version(8, 2, 1)],
      () => [how === 'trashed' ? trash(2) : purge],
    )
    expect(versionsAt(met.state, 'd', 'f')).toEqual([versionKey(8)])
  })

  test('of a file whose folder was trashed goes to Recovered', async () => {
    const met = await meet(
      () => [version(8, 2, 1)],
      () => [trash(1)],
    )
    expect(versionsAt(met.state, 'Recovered', 'f')).toEqual([versionKey(8)])
  })

  test('takes those that follow it along into the copy', async () => {
    const replaced: Operation = {
      op: 'attach',
      nodeId: id(2),
      versionId: id(8, 0xcc),
      content: content(80, { slot: 'thumbnail' }),
    }
    const met = await meet(
      () => [version(8, 2, 1), replaced, version(7, 2, 8)],
      () => [version(9, 2, 1)],
    )
    expect(outcomes(met)).toEqual(['changed', 'changed', 'changed'])
    expect(versionsAt(met.state, 'd', COPY)).toEqual([versionKey(8), versionKey(7)])
    expect(nodeAt(met.state, ['d', COPY])?.versions[0]?.contents).toHaveLength(2)
  })
})

describe('colliding names', () => {
  test('keep both files', async () => {
    const met = await meet(
      () => [file(20, id(3), 'f'), version(8, 20, null)],
      () => [file(30, id(3), 'f'), version(9, 30, null)],
    )
    expect(versionsAt(met.state, 'e', 'f')).toEqual([versionKey(9)])
    expect(versionsAt(met.state, 'e', COPY)).toEqual([versionKey(8)])
  })

  test('collide when their NFC forms are equal', async () => {
    const met = await meet(
      () => [file(20, id(3), '\u00e9'), version(8, 20, null)],
      () => [file(30, id(3), 'e\u0301'), version(9, 30, null)],
    )
    expect(versionsAt(met.state, 'e', 'e\u0301')).toEqual([versionKey(9)])
    expect(versionsAt(met.state, 'e', '\u00e9 (conflict, laptop, 2026-11-29 20.15)')).toEqual([versionKey(8)])
  })

  test('are numbered when the conflict copy has one too', async () => {
    const met = await meet(
      () => [file(20, id(3), 'f.txt'), version(8, 20, null)],
      () => [
        file(30, id(3), 'f.txt'),
        file(31, id(3), 'f (conflict, laptop, 2026-11-29 20.15).txt'),
        version(9, 30, null),
      ],
    )
    expect(versionsAt(met.state, 'e', 'f (conflict, laptop, 2026-11-29 20.15) (2).txt')).toEqual([versionKey(8)])
  })

  test('are left out, with their content, where the user chose to skip', async () => {
    const met = await meet(
      () => [file(20, id(3), 'f'), version(8, 20, null), file(21, id(3), 'g'), version(7, 21, null)],
      () => [file(30, id(3), 'f'), version(9, 30, null)],
      'skip',
    )
    expect(outcomes(met)).toEqual(['dropped', 'dropped', 'kept', 'kept'])
    expect(met.result.outcomes[0]?.nodeId).toEqual(id(30))
    expect(versionsAt(met.state, 'e', 'f')).toEqual([versionKey(9)])
  })

  test('of folders make one folder', async () => {
    const met = await meet(
      () => [folder(20, id(3), 'sub'), folder(21, id(20), 'deep'), file(22, id(21), 'f'), version(8, 22, null)],
      () => [folder(30, id(3), 'sub'), folder(31, id(30), 'deep')],
    )
    expect(outcomes(met)).toEqual(['dropped', 'dropped', 'changed', 'kept'])
    expect(pathOf(met.state, id(22))).toEqual(['e', 'sub', 'deep', 'f'])
  })

  test('of a folder and a file keep both, and what is in the folder', async () => {
    const met = await meet(
      () => [folder(20, id(3), 'f'), file(22, id(20), 'in')],
      () => [file(30, id(3), 'f')],
    )
    expect(pathOf(met.state, id(22))).toEqual(['e', COPY, 'in'])
  })

  test('of links to the same target make one link', async () => {
    const link = (number: number): Operation => ({
      op: 'create',
      nodeId: id(number),
      parentId: id(3),
      name: 'l',
      kind: 'symlink',
      target: 'x',
    })
    const met = await meet(
      () => [link(20)],
      () => [link(30)],
    )
    expect(outcomes(met)).toEqual(['dropped'])
  })
})

describe('a move', () => {
  test('names the place that it replaces: renaming what was moved, moving what was renamed', async () => {
    const renamed = await meet(
      () => [move(2, [id(1), 'f'], [id(1), 'g'])],
      () => [move(2, [id(1), 'f'], [id(3), 'f'])],
    )
    expect(pathOf(renamed.state, id(2))).toEqual(['e', 'g'])
    const moved = await meet(
      () => [move(2, [id(1), 'f'], [id(3), 'f'])],
      () => [move(2, [id(1), 'f'], [id(1), 'g'])],
    )
    expect(pathOf(moved.state, id(2))).toEqual(['e', 'g'])
  })

  test('to a name that was taken meanwhile keeps both', async () => {
    const met = await meet(
      () => [move(2, [id(1), 'f'], [id(3), 'f'])],
      () => [file(30, id(3), 'f')],
    )
    expect(pathOf(met.state, id(2))).toEqual(['e', COPY])
    expect(pathOf(met.state, id(30))).toEqual(['e', 'f'])
  })

  test('into its own descendant is refused', async () => {
    const met = await meet(
      (root) => [move(1, [root, 'd'], [id(3), 'd'])],
      (root) => [move(3, [root, 'e'], [id(1), 'e'])],
    )
    expect(met.result.outcomes).toEqual([{ outcome: 'refused', reason: 'into_itself', nodeId: id(1) }])
    expect(met.result.operations).toEqual([])
  })

  test('below something trashed goes to Recovered', async () => {
    const met = await meet(
      () => [move(2, [id(1), 'f'], [id(3), 'f'])],
      () => [trash(3)],
    )
    expect(pathOf(met.state, id(2))).toEqual(['Recovered', 'f'])
  })

  test('takes a file out of a folder that was trashed meanwhile', async () => {
    const met = await meet(
      () => [move(2, [id(1), 'f'], [id(3), 'f'])],
      () => [trash(1)],
    )
    expect(pathOf(met.state, id(2))).toEqual(['e', 'f'])
  })

  test('of something trashed, purged or there already has nothing left to do', async () => {
    const mine = () => [move(2, [id(1), 'f'], [id(3), 'f'])]
    for (const theirs of [trash(2), move(2, [id(1), 'f'], [id(3), 'f'])]) {
      expect(outcomes(await meet(mine, () => [theirs]))).toEqual(['dropped'])
    }
  })
})

describe('replacing', () => {
  const replace = (): Operation[] => [trash(2), move(20, [id(3), 'g'], [id(1), 'f'])]
  const seenBefore = (): Operation[] => [file(20, id(3), 'g')]

  async function replaceAfter(theirs: Operation[]): Promise<VaultState> {
    const state = await start()
    commit(state, seenBefore())
    const operations = replace()
    const seen = seenNodes(operations, state)
    commit(state, theirs)
    const result = rebase({ changeId, operations, seen, state, label, collisions: 'keep' })
    expect(commit(state, result.operations)).toMatchObject({ applied: true })
    return state
  }

  test('trashes what the user saw', async () => {
    const state = await replaceAfter([folder(40, id(3), 'other')])
    expect(pathOf(state, id(20))).toEqual(['d', 'f'])
    expect(nodeById(state, id(2))?.trashedMs).not.toBeNull()
  })

  test('spares what got a new version, and keeps both', async () => {
    const state = await replaceAfter([version(9, 2, 1)])
    expect(pathOf(state, id(2))).toEqual(['d', 'f'])
    expect(pathOf(state, id(20))).toEqual(['d', COPY])
  })

  test('spares what was moved away', async () => {
    const state = await replaceAfter([move(2, [id(1), 'f'], [id(3), 'f'])])
    expect(pathOf(state, id(2))).toEqual(['e', 'f'])
    expect(pathOf(state, id(20))).toEqual(['d', 'f'])
  })
})

describe('a purge', () => {
  const purge: Operation = {
    op: 'purge',
    nodeIds: [id(1), id(2)],
    versionIds: [{ nodeId: id(2), versionId: id(1, 0xcc) }],
  }

  test('never takes what its user had not seen', async () => {
    const met = await meet(
      () => [purge],
      () => [version(9, 2, 1), file(30, id(1), 'new'), folder(31, id(1), 'sub'), file(32, id(31), 'deep')],
    )
    expect(outcomes(met)).toEqual(['kept'])
    expect(versionsAt(met.state, 'Recovered', 'f')).toEqual([versionKey(9)])
    expect(pathOf(met.state, id(30))).toEqual(['Recovered', 'new'])
    expect(pathOf(met.state, id(32))).toEqual(['Recovered', 'sub', 'deep'])
    expect(nodeById(met.state, id(1))).toBeNull()
  })

  test('of what is purged already has nothing left to do', async () => {
    expect(
      outcomes(
        await meet(
          () => [purge],
          () => [purge],
        ),
      ),
    ).toEqual(['dropped'])
  })
})

test('creating below something trashed or purged goes to Recovered', async () => {
  const purge: Operation = { op: 'purge', nodeIds: [id(3)], versionIds: [] }
  for (const theirs of [trash(3), purge]) {
    const met = await meet(
      () => [file(20, id(3), 'f'), version(8, 20, null)],
      () => [theirs],
    )
    expect(versionsAt(met.state, 'Recovered', 'f')).toEqual([versionKey(8)])
  }
})

test('restoring keeps both where the name was taken, and rests where it was restored', async () => {
  const state = await start()
  commit(state, [trash(2)])
  const operations: Operation[] = [{ op: 'restore', nodeId: id(2), parentId: id(1), name: 'f' }]
  const input = { changeId, operations, seen: seenNodes(operations, state), label, collisions: 'keep' as const }
  const restored = cloneState(state)
  commit(restored, operations)
  expect(rebase({ ...input, state: restored }).outcomes[0]).toMatchObject({ outcome: 'dropped', reason: 'not_trashed' })
  commit(state, [file(30, id(1), 'f')])
  commit(state, rebase({ ...input, state }).operations)
  expect(pathOf(state, id(2))).toEqual(['d', COPY])
})

test('attaching and replacing follow their version, or are dropped with it', async () => {
  const attach: Operation = { op: 'attach', nodeId: id(2), versionId: id(1, 0xcc), content: content(80, { slot: 't' }) }
  const replace: Operation = {
    op: 'replace',
    nodeId: id(2),
    versionId: id(1, 0xcc),
    slot: 'main',
    oldBlobId: content(1).blobId,
    content: content(81),
  }
  const moved = await meet(
    () => [attach, replace],
    () => [version(9, 2, 1), trash(2)],
  )
  expect(outcomes(moved)).toEqual(['kept', 'kept'])
  const purged = await meet(
    () => [attach, replace],
    () => [{ op: 'purge', nodeIds: [id(2)], versionIds: [{ nodeId: id(2), versionId: id(1, 0xcc) }] }],
  )
  expect(outcomes(purged)).toEqual(['dropped', 'dropped'])
})

test('what was planned later follows into what the earlier change became', async () => {
  const state = await start()
  const link: Operation = { op: 'create', nodeId: id(21), parentId: id(20), name: 'l', kind: 'symlink', target: 'x' }
  const skipped = file(22, id(3), 'taken')
  const operations = [folder(20, id(3), 'sub'), version(8, 2, 1), skipped]
  const seen = seenNodes(operations, state)
  commit(state, [folder(30, id(3), 'sub'), version(9, 2, 1), file(31, id(3), 'taken')])
  const { follow } = rebase({ changeId, operations, seen, state, label, collisions: 'skip' })
  expect(follow(link)).toEqual({ ...link, parentId: id(30) })
  expect(follow(version(7, 2, 8))).toEqual({ ...version(7, 2, 8), nodeId: id(8, 0xcc) })
  expect(follow(version(7, 2, 9))).toEqual(version(7, 2, 9))
  expect(follow(version(6, 22, null))).toEqual({ outcome: 'dropped', reason: 'name_taken', nodeId: id(31) })
})

test('a change that is known is dropped whole', async () => {
  const state = await start()
  const operations = [file(20, id(3), 'f')]
  const input = { changeId, operations, seen: [], state, label, collisions: 'keep' as const }
  commit(state, operations, { changeId })
  expect(rebase(input)).toMatchObject({
    operations: [],
    outcomes: [{ outcome: 'dropped', reason: 'change_known', nodeId: null }],
  })
})
