import { asAccountId, asBlobId, asDeviceId, generateAccountKey } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import { beforeEach, describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { SeenName, StateStore } from '../ports.ts'
import type { SeenRecord } from './records.ts'
import { type SeenStore, seenStore } from './seen.ts'

const engine = nodeEngine()
const accountKey = generateAccountKey(engine)
const accountId = asAccountId(new Uint8Array(16).fill(1))
const DAY_MS = 24 * 60 * 60 * 1000
const NAMES: SeenName[] = ['seen0', 'seen1', 'seen2']

let store: StateStore
let nowMs: number

/** Each is a process of its own. */
const process = (device = 2): SeenStore => {
  const clock = { nowMs: () => nowMs, sleep: async () => {} }
  const deviceId = asDeviceId(new Uint8Array(16).fill(device))
  return seenStore({ engine, clock, store, accountKey, accountId, deviceId })
}
const commit = (text: string): SeenRecord => ({ kind: 'commit', bytes: new TextEncoder().encode(text) })
const sizes = async () => Promise.all(NAMES.map(async (name) => (await store.load(name))?.length ?? 0))

beforeEach(() => {
  store = memoryStore()
  nowMs = 600 * 30 * DAY_MS
})

describe('what a device has seen', () => {
  it('comes back as it was, in order, also to another process', async () => {
    const blobId = asBlobId(engine.randomBytes(16))
    const records: SeenRecord[] = [
      { kind: 'wrap', blobId, epoch: 7, bytes: engine.randomBytes(105) },
      { kind: 'blob', blobId, blobLength: 2 ** 40 + 5, digests: engine.randomBytes(64) },
      { kind: 'checkpoint', seq: 2 ** 33, epoch: 1, manifest: engine.randomBytes(500) },
      commit('one'),
    ]
    await process().add(records)
    await process().add([commit('two')])
    expect(await process().load()).toEqual([...records, commit('two')])
  })

  it('is appended one after the other, and kept when that is told', async () => {
    const { append } = store
    let under = 0
    let most = 0
    store = {
      ...store,
      async append(name, bytes) {
        under += 1
        most = Math.max(most, under)
        await new Promise((resolve) => setImmediate(resolve))
        await append(name, bytes)
        under -= 1
      },
    }
    const seen = process()
    const records = ['one', 'two', 'three'].map(commit)
    for (const record of records) void seen.add([record])
    await seen.kept()
    expect(await process().load()).toEqual(records)
    expect(most).toBe(1)
  })

  it('is sealed for account and device, and what does not open is left out', async () => {
    await process().add([commit('the plain text of a commit')])
    for (const name of NAMES) {
      expect(Buffer.from((await store.load(name)) ?? []).includes('the plain text')).toBe(false)
    }
    expect(await process(3).load()).toEqual([])
    await process(3).add([commit('of another device')])
    expect(await process().load()).toEqual([commit('the plain text of a commit')])
  })

  it('loses no more than what a crash has torn or a disk has damaged', async () => {
    await process().add([commit('one')])
    const [first] = [Math.max(...(await sizes()))]
    const name = NAMES[(await sizes()).indexOf(first ?? 0)] ?? 'seen0'
    const entry = (await store.load(name)) ?? new Uint8Array(0)
    for (const length of [3, 20, 27, 28, 40, entry.length - 1]) await store.append(name, entry.subarray(0, length))
    await process().add([commit('two')])
    const damaged = (await store.load(name)) ?? new Uint8Array(0)
    expect(await process().load()).toEqual([commit('one'), commit('two')])
    damaged[entry.length - 1] = (damaged[entry.length - 1] ?? 0) ^ 1
    await store.save(name, damaged)
    expect(await process().load()).toEqual([commit('two')])
    await store.save(name, engine.randomBytes(10_000))
    expect(await process().load()).toEqual([])
  })

  it('is kept for 30 days and its files not much longer', async () => {
    for (let day = 0; day < 200; day += 1) {
      await process().add([commit(`day ${day}`)])
      const kept = await process().load()
      expect(kept.length).toBe(Math.min(day, 30) + 1)
      expect(kept.at(-1)).toEqual(commit(`day ${day}`))
      nowMs += DAY_MS
    }
    const [least = 0, , most = 0] = (await sizes()).sort((left, right) => left - right)
    expect([least, most < 31 * 200]).toEqual([0, true])
  })

  it('never stops what the user wanted', async () => {
    store.append = () => Promise.reject(new Error('no room'))
    await process().add([commit('one')])
    expect(await process().load()).toEqual([])
  })

  it('may be more than fits into one sealed entry', async () => {
    const large = Array.from(
      { length: 12 },
      (): SeenRecord => ({ kind: 'commit', bytes: engine.randomBytes(2_000_000) }),
    )
    await process().add(large)
    const found = await process().load()
    expect(found.length).toBe(large.length)
    expect(found.every((record, index) => Buffer.compare(bytesOf(record), bytesOf(large[index])) === 0)).toBe(true)
  })
})

function bytesOf(record: SeenRecord | undefined): Uint8Array {
  return record?.kind === 'commit' ? record.bytes : new Uint8Array(0)
}
