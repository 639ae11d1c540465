import { asNodeId, asVersionId, type NodeId, toHex } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { applyCommit, emptyState, MAX_VERSIONS, type Operation, references, type VaultState } from '@strongroom/vault'
import { describe, expect, it } from 'vitest'
import { findPath } from './lookup.ts'
import { planMove } from './plan-move.ts'
import { type FileIntent, planWrites, type WriteIntent } from './plan-writes.ts'

const engine = nodeEngine()
const nodeId = () => asNodeId(engine.randomBytes(16))
const context = { newNodeId: nodeId, deviceName: 'laptop', nowMs: Date.UTC(2024, 0, 2, 3, 4) }

function file(path: string, more: Partial<FileIntent> = {}): FileIntent {
  return {
    kind: 'file',
    names: path.split('/').slice(1),
    nodeId: nodeId(),
    versionId: asVersionId(engine.randomBytes(16)),
    parents: null,
    content: { records: [] },
    mtimeMs: 1,
    mode: null,
    conflict: 'replace',
    base: null,
    ...more,
  }
}

function folder(path: string, parents: Map<string, NodeId> | null = null): WriteIntent {
  return { kind: 'folder', names: path.split('/').slice(1), nodeId: nodeId(), parents }
}

/** The state after operations, taken in as a commit of this vault would be. */
function applied(state: VaultState, operations: readonly Operation[]): VaultState {
  const zeros = new Uint8Array(32)
  const header = {
    suite: 1,
    membership: false,
    vaultId: state.vaultId,
    seq: state.seq + 1,
    prev: zeros,
    epoch: 1,
    accountId: zeros.subarray(0, 16),
    deviceId: zeros.subarray(0, 16),
    cardHash: zeros,
    timeMs: 0,
    sectionHash: zeros,
    sectionLength: 0,
    bodyHash: zeros,
    bodyLength: 0,
    membersHash: zeros,
    checkpointHash: null,
  }
  const section = {
    changeId: engine.randomBytes(16),
    ...references(operations, state),
    members: [],
    epochChange: null,
    genesis: null,
  }
  const result = applyCommit(state, { header, section, operations })
  expect(result.applied).toBe(true)
  return result.state
}

async function stateWith(...intents: WriteIntent[]): Promise<VaultState> {
  const state = await emptyState(engine, engine.randomBytes(16))
  return applied(state, planWrites(state, intents, context).operations)
}

describe('findPath', () => {
  const [apart, together] = ['e\u0301', '\u00e9']

  it('finds a name by its other spelling, and follows every change of the folder', async () => {
    let state = await stateWith(folder('/a'))
    expect(findPath(state, `/${apart}`)).toBeNull()
    const made = file(`/${together}`)
    state = applied(state, planWrites(state, [made], context).operations)
    expect(findPath(state, `/${apart}`)?.node.id).toEqual(made.nodeId)
    expect(findPath(state, `/${apart}`)?.names).toEqual([together])
    state = applied(state, [{ op: 'trash', nodeId: made.nodeId }])
    expect(findPath(state, `/${apart}`)).toBeNull()
    // As many names as before, and others.
    const other = file('/b')
    state = applied(state, planWrites(state, [file(`/${together}`)], context).operations)
    expect(findPath(state, `/${apart}`)).not.toBeNull()
    const [taken] = [findPath(state, `/${together}`)?.node.id ?? nodeId()]
    state = applied(state, [{ op: 'trash', nodeId: taken }, ...planWrites(state, [other], context).operations])
    expect(findPath(state, `/${apart}`)).toBeNull()
  })

  it('looks for many names in vain without reading the folder for each', async () => {
    const intents = Array.from({ length: 500 }, (_, index) => file(`/some name ${index}`))
    const state = await stateWith(...intents)
    const children = state.children.get(toHex(state.rootId)) ?? new Map()
    let reads = 0
    const counted = new Proxy(children, {
      get(target, name) {
        if (name === Symbol.iterator || name === 'entries') reads += 1
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const watched = { ...state, children: new Map([...state.children, [toHex(state.rootId), counted]]) }
    for (let index = 0; index < 100; index += 1) expect(findPath(watched, `/other ${index}`)).toBeNull()
    expect(reads).toBe(1)
  })
})

describe('planWrites', () => {
  it('puts files into folders that the same plan makes', async () => {
    const state = await stateWith(folder('/a'), folder('/a/b'), file('/a/b/c'), file('/a/b/d'))
    expect(findPath(state, '/a/b/c')?.node.kind).toBe('file')
    expect(findPath(state, '/a/b/d')?.node.kind).toBe('file')
  })

  it('makes missing parents once, under the same ids in every plan', async () => {
    const parents = new Map<string, NodeId>()
    const intents = [file('/x/y/1', { parents }), file('/x/y/2', { parents })]
    const state = await emptyState(engine, engine.randomBytes(16))
    const first = planWrites(state, intents, context).operations
    const second = planWrites(state, intents, context).operations
    expect(first.filter(({ op }) => op === 'create')).toHaveLength(4)
    expect(second).toEqual(first)
  })

  it('fails an intent alone', async () => {
    const state = await stateWith(folder('/a'))
    const plan = planWrites(state, [file('/none/x'), file('/a'), file('/a/ok')], context)
    expect(plan.outcomes.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'created'])
    expect(plan.operations).toHaveLength(2)
  })

  it('fails alone what would lie too deep', async () => {
    const state = await stateWith()
    const below = (depth: number) => '/d'.repeat(depth)
    const parents = new Map<string, NodeId>()
    const plan = planWrites(state, [folder(below(513), parents), file(`${below(513)}/f`), file('/ok')], context)
    expect(plan.outcomes.map(({ outcome }) => outcome)).toEqual(['created', 'failed', 'created'])
    expect(plan.outcomes[1]).toMatchObject({ error: { code: 'conflict', details: { reason: 'too_deep' } } })
    applied(state, plan.operations)
  })

  it('fails alone a file that has as many versions as there can be', async () => {
    const full = file('/full')
    const state = await stateWith(full, file('/ok'))
    const node = state.nodes.get(toHex(full.nodeId))
    if (node === undefined) throw new Error('no such node')
    const [version] = node.versions
    const versions = Array.from({ length: MAX_VERSIONS }, () => version).filter((each) => each !== undefined)
    const crowded = { ...state, nodes: new Map([...state.nodes, [toHex(full.nodeId), { ...node, versions }]]) }
    const plan = planWrites(crowded, [file('/full'), file('/ok')], context)
    expect(plan.outcomes.map(({ outcome }) => outcome)).toEqual(['failed', 'replaced'])
    expect(plan.outcomes[0]).toMatchObject({ error: { details: { reason: 'too_many_versions' } } })
    expect(plan.operations).toHaveLength(1)
  })

  it('turns a content whose base is no longer current into a conflict copy', async () => {
    let state = await stateWith(file('/n.txt'))
    const mine = file('/n.txt')
    expect(planWrites(state, [mine], context).outcomes[0]).toMatchObject({ outcome: 'replaced' })
    state = applied(state, planWrites(state, [file('/n.txt')], context).operations)
    const again = planWrites(state, [mine], context)
    expect(again.outcomes[0]).toMatchObject({
      outcome: 'created',
      path: '/n (conflict, laptop, 2024-01-02 03.04).txt',
    })
    applied(state, again.operations)
  })

  it('turns a new file into a conflict copy when someone made one of that name first', async () => {
    let state = await stateWith()
    const mine = file('/n')
    planWrites(state, [mine], context)
    state = applied(state, planWrites(state, [file('/n')], context).operations)
    expect(planWrites(state, [mine], context).outcomes[0]).toMatchObject({
      path: '/n (conflict, laptop, 2024-01-02 03.04)',
    })
  })

  it('numbers a second file, and a third', async () => {
    const state = await stateWith(file('/a.txt'), file('/a (2).txt'))
    const plan = planWrites(state, [file('/a.txt', { conflict: 'keep-both' })], context)
    expect(plan.outcomes[0]).toMatchObject({ path: '/a (3).txt' })
  })

  it('takes names of equal NFC form for one', async () => {
    const state = await stateWith(file('/\u00e9'))
    const plan = planWrites(state, [file('/e\u0301')], context)
    expect(plan.outcomes[0]).toMatchObject({ outcome: 'replaced', path: '/\u00e9' })
  })
})

describe('planMove', () => {
  function intentOf(
    state: VaultState,
    from: string,
    to: string,
    conflict: 'replace' | 'skip' | 'keep-both' = 'replace',
  ) {
    const node = findPath(state, from)?.node
    if (node?.parentId == null) throw new Error('no such node')
    const names = to.split('/').slice(1)
    return {
      nodeId: node.id,
      fromParentId: node.parentId,
      fromName: node.name,
      toFolder: names.slice(0, -1),
      toName: names.at(-1) ?? '',
      conflict,
    }
  }

  it('notices that the node was moved meanwhile', async () => {
    let state = await stateWith(file('/a'))
    const intent = intentOf(state, '/a', '/b')
    state = applied(state, planMove(state, intentOf(state, '/a', '/c'))?.operations ?? [])
    expect(() => planMove(state, intent)).toThrow(expect.objectContaining({ code: 'conflict' }))
  })

  it('trashes a file that it replaces, and never a folder', async () => {
    let state = await stateWith(file('/a'), file('/b'), folder('/d'))
    expect(() => planMove(state, intentOf(state, '/a', '/d'))).toThrow(expect.objectContaining({ code: 'exists' }))
    const replaced = toHex(findPath(state, '/b')?.node.id ?? new Uint8Array(0))
    state = applied(state, planMove(state, intentOf(state, '/a', '/b'))?.operations ?? [])
    expect(state.nodes.get(replaced)?.trashedMs).not.toBeNull()
    expect(findPath(state, '/a')).toBeNull()
  })

  it('does nothing onto itself, and refuses a folder into itself', async () => {
    const state = await stateWith(folder('/d'), folder('/d/e'))
    expect(planMove(state, intentOf(state, '/d/e', '/d/e'))).toBeNull()
    expect(() => planMove(state, intentOf(state, '/d', '/d/e/f'))).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
