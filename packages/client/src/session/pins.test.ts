import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import { advanceHead, advanceKeyring, checkServerKey, loadPins, updatePins } from './pins.ts'

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

  it('are never dropped silently when damaged', async () => {
    const store = memoryStore()
    await store.save('pins', new TextEncoder().encode('{"version":1,"heads":{"v":{"seq":"x"}}}'))
    await expect(loadPins(store)).rejects.toMatchObject({ code: 'integrity' })
    await store.save('pins', new TextEncoder().encode('nonsense'))
    await expect(loadPins(store)).rejects.toMatchObject({ code: 'integrity' })
  })
})
