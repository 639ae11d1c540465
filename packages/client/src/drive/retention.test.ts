import { asAccountId, asBlobId, asDeviceId, asNodeId, asVaultId, asVersionId, utf8 } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import {
  type AddVersionOperation,
  applyCommit,
  emptyState,
  type Operation,
  references,
  type VaultState,
} from '@strongroom/vault'
import { describe, expect, it } from 'vitest'
import { planRetention, policyOf } from './retention.ts'

const DAY = 24 * 60 * 60 * 1000
const NOW = Date.parse('2026-06-01T00:00:00Z')
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value)
const node = (value: number) => asNodeId(bytes(16, value))
const account = asAccountId(bytes(16, 1))

/** A state after commits at the given times. */
async function stateAfter(...commits: [number, ...Operation[]][]): Promise<VaultState> {
  const vaultId = asVaultId(bytes(16, 9))
  let state = await emptyState(nodeEngine(), vaultId)
  for (const [timeMs, ...operations] of commits) {
    const seq = state.seq + 1
    const header = {
      ...{ suite: 1 as const, membership: false, vaultId, seq, prev: bytes(32, 0), epoch: 1, accountId: account },
      ...{ deviceId: asDeviceId(bytes(16, 2)), cardHash: bytes(32, 0), timeMs, sectionHash: bytes(32, 0) },
      ...{ sectionLength: 0, bodyHash: bytes(32, 0), bodyLength: 0, membersHash: bytes(32, 0), checkpointHash: null },
    }
    const changeId = nodeEngine().randomBytes(16)
    const section = { changeId, ...references(operations, state), members: [], epochChange: null, genesis: null }
    const result = applyCommit(state, { header, section, operations })
    if (!result.applied) throw new Error(`${result.reason}`)
    state = result.state
  }
  return state
}

const create = (id: number, name: string, kind: 'file' | 'folder' = 'file', parent?: number): Operation => ({
  op: 'create',
  nodeId: node(id),
  parentId: parent === undefined ? ROOT.id : node(parent),
  name,
  kind,
})
const trash = (id: number): Operation => ({ op: 'trash', nodeId: node(id) })
const ROOT = { id: (await emptyState(nodeEngine(), bytes(16, 9))).rootId }

function version(id: number, number: number, base: number | null): AddVersionOperation {
  return {
    op: 'addVersion',
    nodeId: node(id),
    versionId: asVersionId(bytes(16, number)),
    baseVersionId: base === null ? null : asVersionId(bytes(16, base)),
    contents: [
      {
        ...{ slot: 'main', blobId: asBlobId(bytes(16, number)), header: bytes(74, 0), size: 0, blobLength: 32 },
        ...{ partSize: 8 * 2 ** 20, partsRoot: bytes(32, 0), dekTimeMs: 0 },
      },
    ],
    mtimeMs: 0,
    mode: null,
  }
}

const clocks = (ownMs: number, serverMs = ownMs) => ({ ownMs, serverMs })
const counts = (plan: ReturnType<typeof planRetention>) => [plan.marks.length, plan.trash.length, plan.versions.length]

/** The state after the announcements of a run. */
async function announced(commits: [number, ...Operation[]][], ownMs: number): Promise<[number, ...Operation[]][]> {
  const { marks } = planRetention(await stateAfter(...commits), clocks(ownMs))
  return [...commits, [ownMs, ...marks]]
}

describe('retention of the trash', () => {
  const removed: [number, ...Operation[]][] = [
    [NOW - 100 * DAY, create(10, 'folder', 'folder'), create(11, 'file', 'file', 10)],
    [NOW - 40 * DAY, trash(10)],
  ]

  it('does nothing before its days are over', async () => {
    expect(counts(planRetention(await stateAfter(...removed), clocks(NOW - 11 * DAY)))).toEqual([0, 0, 0])
  })

  it('announces first, and destroys a week later', async () => {
    expect(counts(planRetention(await stateAfter(...removed), clocks(NOW)))).toEqual([1, 0, 0])
    const state = await stateAfter(...(await announced(removed, NOW)))
    expect(counts(planRetention(state, clocks(NOW + 6 * DAY)))).toEqual([0, 0, 0])
    const due = planRetention(state, clocks(NOW + 7 * DAY))
    expect(counts(due)).toEqual([0, 1, 0])
    expect(due.trash[0]?.name).toBe('folder')
  })

  it('never follows one clock alone, whichever runs ahead', async () => {
    const marked = await stateAfter(...(await announced(removed, NOW)))
    for (const years of [clocks(NOW + 1000 * DAY, NOW), clocks(NOW, NOW + 1000 * DAY)]) {
      expect(counts(planRetention(await stateAfter([NOW, create(1, 'a')], [NOW, trash(1)]), years))).toEqual([0, 0, 0])
      expect(counts(planRetention(marked, years))).toEqual([0, 0, 0])
    }
  })

  it('gives a week also to what a wrong clock trashed long ago', async () => {
    const state = await stateAfter([0, create(10, 'a')], [0, trash(10)])
    expect(counts(planRetention(state, clocks(NOW)))).toEqual([1, 0, 0])
  })

  it('takes what claims to come from the future for new', async () => {
    const state = await stateAfter([NOW - 100 * DAY, create(10, 'a')], [NOW + 999 * DAY, trash(10)])
    expect(counts(planRetention(state, clocks(NOW)))).toEqual([0, 0, 0])
  })

  it('begins anew for what was written to in the trash, and takes back what was restored', async () => {
    const marked = await announced(removed, NOW)
    const written = await stateAfter(...marked, [NOW + DAY, version(11, 50, null)])
    expect(counts(planRetention(written, clocks(NOW + 7 * DAY)))).toEqual([1, 0, 0])
    const restore: Operation = { op: 'restore', nodeId: node(10), parentId: ROOT.id, name: 'folder' }
    const restored = planRetention(await stateAfter(...marked, [NOW + DAY, restore]), clocks(NOW + 7 * DAY))
    expect(counts(restored)).toEqual([1, 0, 0])
    expect(restored.marks[0]?.value).toBeNull()
    const again = await stateAfter(...marked, [NOW + DAY, restore], [NOW + 2 * DAY, trash(10)])
    expect(counts(planRetention(again, clocks(NOW + 7 * DAY)))).toEqual([1, 0, 0])
    expect(counts(planRetention(again, clocks(NOW + 40 * DAY)))).toEqual([1, 0, 0])
  })
})

describe('retention of versions', () => {
  const policy = (value: string): Operation => ({
    op: 'record',
    type: 'setting',
    key: utf8('version-days'),
    value: utf8(value),
  })
  const written: [number, ...Operation[]][] = [
    [NOW - 300 * DAY, create(10, 'a'), version(10, 20, null)],
    [NOW - 200 * DAY, version(10, 21, 20)],
    [NOW - 10 * DAY, version(10, 22, 21)],
  ]

  it('is for ever unless the policy says otherwise, or says what is not understood', async () => {
    expect(policyOf(await stateAfter(...written))).toEqual({ trashDays: 30, versionDays: null })
    for (const value of ['never', '', '-1', '1e3', '99999']) {
      const state = await stateAfter(...written, [NOW, policy(value)])
      expect(counts(planRetention(state, clocks(NOW)))).toEqual([0, 0, 0])
    }
  })

  it('counts from when a version was replaced, and never takes the newest', async () => {
    const commits: [number, ...Operation[]][] = [...written, [NOW, policy('90')]]
    expect(counts(planRetention(await stateAfter(...commits), clocks(NOW)))).toEqual([1, 0, 0])
    const state = await stateAfter(...(await announced(commits, NOW)))
    const due = planRetention(state, clocks(NOW + 7 * DAY))
    expect(due.versions).toEqual([{ nodeId: node(10), versionId: asVersionId(bytes(16, 20)) }])
    const later = await stateAfter(...(await announced(commits, NOW + 5000 * DAY)))
    expect(counts(planRetention(later, clocks(NOW + 6000 * DAY)))).toEqual([0, 0, 2])
  })
})
