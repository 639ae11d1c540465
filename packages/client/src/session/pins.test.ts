import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import {
  advanceAudit,
  advanceHead,
  advanceKeyring,
  checkReceiptKey,
  checkServerKey,
  loadPins,
  updatePins,
} from './pins.ts'

describe('pins', () => {
  it('never move a head back', async () => {
    const store = memoryStore()
    await updatePins(store, (pins) => advanceHead(pins, 'v', { seq: 5, hash: 'aa' }))
    await updatePins(store, (pins) => advanceHead(pins, 'v', { seq: 3, hash: 'bb' }))
    expect((await loadPins(store)).heads.v).toEqual({ seq: 5, hash: 'aa' })
  })

  it('stop on another commit at the same position', async () => {
    const pins = await loadPins(memoryStore())
    advanceHead(pins, 'v', { seq: 5, hash: 'aa' })
    expect(() => advanceHead(pins, 'v', { seq: 5, hash: 'bb' })).toThrow(expect.objectContaining({ code: 'integrity' }))
  })

  it('stop on an older or exchanged keyring', async () => {
    const pins = await loadPins(memoryStore())
    advanceKeyring(pins, 'a', { version: 2, hash: 'x' })
    for (const keyring of [
      { version: 1, hash: 'x' },
      { version: 2, hash: 'y' },
    ]) {
      expect(() => advanceKeyring(pins, 'a', keyring)).toThrow(expect.objectContaining({ code: 'integrity' }))
    }
  })

  it('stop on a server with another key, and take one never seen', async () => {
    const pins = await loadPins(memoryStore())
    checkServerKey(pins, 'https://a', 'k1')
    pins.servers['https://a'] = 'k1'
    expect(() => checkServerKey(pins, 'https://a', 'k2')).toThrow(expect.objectContaining({ code: 'integrity' }))
  })

  it('stop on a server with another key for receipts', async () => {
    const pins = await loadPins(memoryStore())
    checkReceiptKey(pins, 'https://a', 'k1')
    pins.receiptKeys['https://a'] = 'k1'
    checkReceiptKey(pins, 'https://b', 'k2')
    expect(() => checkReceiptKey(pins, 'https://a', 'k2')).toThrow(expect.objectContaining({ code: 'integrity' }))
  })

  it('of clients that knew fewer kinds are read, and keep what they hold', async () => {
    const store = memoryStore()
    await store.save('pins', new TextEncoder().encode('{"version":1,"heads":{"v":{"seq":5,"hash":"aa"}}}'))
    await updatePins(store, (pins) => advanceAudit(pins, 'a', { seq: 2, hash: 'bb' }, () => undefined))
    const pins = await loadPins(store)
    expect([pins.heads.v, pins.audits.a]).toEqual([
      { seq: 5, hash: 'aa' },
      { seq: 2, hash: 'bb' },
    ])
    expect({ ...pins.deletions, ...pins.receiptKeys }).toEqual({})
  })

  it('stop when another process has seen another audit log', async () => {
    const pins = await loadPins(memoryStore())
    pins.audits.a = { seq: 3, hash: 'x' }
    const passed = (seq: number) => (seq === 3 ? 'y' : undefined)
    const forked = expect.objectContaining({ details: expect.objectContaining({ reason: 'audit_forked' }) })
    expect(() => advanceAudit(pins, 'a', { seq: 5, hash: 'z' }, passed)).toThrow(forked)
    expect(advanceAudit(pins, 'a', { seq: 2, hash: 'w' }, passed)).toBe(false)
  })

  it('are never dropped silently when damaged', async () => {
    const store = memoryStore()
    await store.save('pins', new TextEncoder().encode('{"version":1,"heads":{"v":{"seq":"x"}}}'))
    await expect(loadPins(store)).rejects.toMatchObject({ code: 'integrity' })
    await store.save('pins', new TextEncoder().encode('nonsense'))
    await expect(loadPins(store)).rejects.toMatchObject({ code: 'integrity' })
  })
})
