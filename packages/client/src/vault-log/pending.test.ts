import {
  asAccountId,
  asBlobId,
  asDeviceId,
  asNodeId,
  asVersionId,
  equalBytes,
  generateAccountKey,
  toHex,
} from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import { type PendingChange, pendingStore } from './pending.ts'

const engine = nodeEngine()
const accountId = asAccountId(engine.randomBytes(16))
const deviceId = asDeviceId(engine.randomBytes(16))
const accountKey = generateAccountKey(engine)

function change(): PendingChange {
  const nodeId = asNodeId(engine.randomBytes(16))
  return {
    changeId: engine.randomBytes(16),
    operations: [
      { op: 'create', nodeId, parentId: asNodeId(engine.randomBytes(16)), name: 'Geheimnis', kind: 'folder' },
      { op: 'trash', nodeId },
    ],
    seen: [
      { nodeId, parentId: nodeId, name: 'ö', versionId: asVersionId(engine.randomBytes(16)) },
      { nodeId, parentId: nodeId, name: 'n', versionId: null },
    ],
    collisions: 'skip',
    onlyAsPlanned: false,
    plannedMs: 1_700_000_000_000,
    wraps: [{ blobId: asBlobId(engine.randomBytes(16)), epoch: 3, bytes: engine.randomBytes(105) }],
  }
}

const open = (store = memoryStore(), key = accountKey) => ({
  store,
  pending: pendingStore({ engine, store, accountKey: key, accountId, deviceId }),
})

describe('the record of a pending change', () => {
  it('comes back whole, and shows nothing', async () => {
    const { store, pending } = open()
    const saved = change()
    await pending.save(saved)
    expect(await pending.load()).toEqual(saved)
    const bytes = Buffer.from((await store.load('pending')) ?? [])
    expect(bytes.includes('Geheimnis')).toBe(false)
    for (const { nodeId } of saved.seen) expect(bytes.toString('hex')).not.toContain(toHex(nodeId))
  })

  it('is taken away by its own change only', async () => {
    const { pending } = open()
    const first = change()
    const second = change()
    await pending.save(first)
    await pending.save(second)
    await pending.remove(first.changeId)
    expect((await pending.load())?.changeId).toEqual(second.changeId)
    await pending.remove(second.changeId)
    expect(await pending.load()).toBeNull()
  })

  it('is discarded when it is damaged, of another version or account', async () => {
    const { store, pending } = open()
    await pending.save(change())
    const whole = (await store.load('pending')) ?? new Uint8Array(0)
    const damaged = [
      new Uint8Array(0),
      whole.subarray(0, 40),
      whole.map((byte, index) => (index === 0 ? 9 : byte)),
      whole.map((byte, index) => (index === 5 ? byte ^ 1 : byte)),
      whole.map((byte, index) => (index === whole.length - 1 ? byte ^ 1 : byte)),
    ]
    for (const bytes of damaged) {
      expect(equalBytes(bytes, whole)).toBe(false)
      await store.save('pending', bytes)
      expect(await pending.load()).toBeNull()
      expect(await store.load('pending')).toBeNull()
    }
    await store.save('pending', whole)
    expect(await open(store, generateAccountKey(engine)).pending.load()).toBeNull()
  })
})
