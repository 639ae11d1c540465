import { asAccountId, asDeviceId, generateAccountKey, type NodeId } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { cloneState, encodeState, type Operation, type VaultState } from '@strongroom/vault'
import { beforeEach, describe, expect, it } from 'vitest'
import { commit, freshState, id, VAULT } from '../../../vault/src/testing/build.ts'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { StateStore } from '../ports.ts'
import type { HeadPin } from '../session/pins.ts'
import { type CachedVault, type VaultCache, vaultCache } from './cache.ts'

const engine = nodeEngine()
const accountKey = generateAccountKey(engine)
const accountId = asAccountId(new Uint8Array(16).fill(1))
const deviceId = asDeviceId(new Uint8Array(16).fill(2))

let store: StateStore
let state: VaultState
let count = 0

/** Each is a process of its own. */
const process = (device = deviceId): VaultCache =>
  vaultCache({ engine, store, accountKey, accountId, deviceId: device, vaultId: VAULT })

function vault(of = state): CachedVault {
  const head = { seq: of.seq, hash: new Uint8Array(32).fill(of.seq) }
  return { chain: { vaultId: VAULT, head, epoch: 1, members: [] }, state: of, bodyBytes: of.seq * 1000 }
}

const pinAt = (seq: number): HeadPin => ({ seq, hash: Buffer.alloc(32, seq).toString('hex') })
const pin = (): HeadPin => pinAt(state.seq)

function change(of = state): void {
  count = (count + 1) % 1000
  const nodeId = id<NodeId>(count)
  const result = commit(of, [{ op: 'create', nodeId, parentId: of.rootId, name: `folder ${count}`, kind: 'folder' }])
  expect(result.applied).toBe(true)
}

const lengthOf = async (name: 'cache' | 'cacheLog') => (await store.load(name))?.length ?? 0

/** What another process finds. */
async function expectFound(expected = state): Promise<void> {
  const found = await process().load(pinAt(expected.seq))
  expect(found?.chain).toEqual(vault(expected).chain)
  expect(found?.bodyBytes).toBe(expected.seq * 1000)
  expect(Buffer.compare(encodeState(found?.state ?? state), encodeState(expected))).toBe(0)
}

beforeEach(async () => {
  store = memoryStore()
  state = await freshState()
  const folders = Array.from({ length: 300 }, (_, index): Operation => {
    const nodeId = id<NodeId>(index + 1000)
    return { op: 'create', nodeId, parentId: state.rootId, name: `a folder ${index}`, kind: 'folder' }
  })
  expect(commit(state, folders).applied).toBe(true)
})

describe('the local index', () => {
  it('is appended to, and found by the next process as it is', async () => {
    const cache = process()
    expect(await cache.load(pin())).toBeNull()
    await cache.save(vault())
    const base = await store.load('cache')
    let length = 0
    for (let times = 0; times < 5; times += 1) {
      change()
      await cache.save(vault())
      expect(await lengthOf('cacheLog')).toBeGreaterThan(length)
      length = await lengthOf('cacheLog')
      await expectFound()
    }
    const later = process()
    await later.load(pin())
    change()
    await later.save(vault())
    expect(await store.load('cache')).toEqual(base)
    await expectFound()
  })

  it('is written anew when its entries outgrow half of the base', async () => {
    const cache = process()
    await cache.save(vault())
    const base = await store.load('cache')
    for (let times = 0; times < 36; times += 1) {
      change()
      await cache.save(vault())
      expect(await lengthOf('cacheLog')).toBeLessThan((await lengthOf('cache')) / 2 + 200)
    }
    expect(await store.load('cache')).not.toEqual(base)
    await expectFound()
  })

  it('torn anywhere by a crash gives an earlier state, and is whole again after the next change', async () => {
    const cache = process()
    await cache.save(vault())
    const states = [cloneState(state)]
    for (let times = 0; times < 2; times += 1) {
      change()
      await cache.save(vault())
      states.push(cloneState(state))
    }
    const log = (await store.load('cacheLog')) ?? new Uint8Array(0)
    for (let length = 0; length < log.length; length += 97) {
      await store.save('cacheLog', log.subarray(0, length))
      const next = process()
      const found = await next.load(pin())
      expect(states.map((one) => one.seq)).toContain(found?.state.seq)
      const original = states.find((one) => one.seq === found?.state.seq) ?? state
      expect(Buffer.compare(encodeState(found?.state ?? state), encodeState(original))).toBe(0)
      await next.save(vault())
      await expectFound()
    }
  })

  it('survives two processes that append at once', async () => {
    await process().save(vault())
    const [one, two] = [process(), process()]
    await one.load(pin())
    await two.load(pin())
    change()
    await one.save(vault())
    await two.save(vault())
    await expectFound()
    const third = process()
    await third.load(pin())
    change()
    await third.save(vault())
    await expectFound()
    change()
    await one.save(vault())
    const last = process()
    const found = await last.load(pin())
    if (found !== null) expect(found.state.seq).toBeLessThanOrEqual(state.seq)
    await last.save(vault())
    await expectFound()
  })

  it('changed in any place is left out or discarded, and never wrong', async () => {
    const cache = process()
    await cache.save(vault())
    const before = cloneState(state)
    change()
    await cache.save(vault())
    for (const name of ['cache', 'cacheLog'] as const) {
      const bytes = (await store.load(name)) ?? new Uint8Array(0)
      for (let at = 0; at < bytes.length; at += 61) {
        const changed = bytes.slice()
        changed[at] = (changed[at] ?? 0) ^ 4
        await store.save(name, changed)
        const found = await process().load(pin())
        if (name === 'cache') expect(found).toBeNull()
        else expect(Buffer.compare(encodeState(found?.state ?? state), encodeState(before))).toBe(0)
      }
      await store.save(name, bytes)
    }
    await expectFound()
  })

  it('is bound to the pin, the device and the vault', async () => {
    await process().save(vault())
    expect(await process().load(undefined)).toBeNull()
    expect(await process().load(pinAt(state.seq - 1))).toBeNull()
    expect(await process().load({ ...pin(), hash: '00'.repeat(32) })).toBeNull()
    expect(await process().load(pinAt(state.seq + 1))).not.toBeNull()
    expect(await process(asDeviceId(new Uint8Array(16).fill(3))).load(pin())).toBeNull()
    const other = vaultCache({ engine, store, accountKey, accountId, deviceId, vaultId: id(9) })
    expect(await other.load(pin())).toBeNull()
  })
})
