import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { StateStore } from '../ports.ts'
import { readAhead } from './cache-ahead.ts'

const bytes = (...values: number[]) => new Uint8Array(values)

/** A store of which is known what was read. */
function watched(load?: StateStore['load']) {
  const store = memoryStore()
  const read: string[] = []
  const watching: StateStore = {
    ...store,
    load(name) {
      read.push(name)
      return (load ?? store.load)(name)
    },
  }
  return { store: watching, read }
}

describe('a cache that is read ahead', () => {
  it('is read at once, and given once', async () => {
    const { store, read } = watched()
    await store.save('cache', bytes(1))
    const ahead = readAhead(store)
    expect(read).toEqual(['cache', 'cacheLog'])
    await store.save('cache', bytes(2))
    expect(await ahead.load('cache')).toEqual(bytes(1))
    expect(await ahead.load('cache')).toEqual(bytes(2))
    expect(await ahead.load('cacheLog')).toBeNull()
    expect(read).toEqual(['cache', 'cacheLog', 'cache'])
  })

  it('is read again after a change of this process', async () => {
    const { store } = watched()
    const ahead = readAhead(store)
    await ahead.save('cache', bytes(1))
    await ahead.append('cacheLog', bytes(2))
    expect(await ahead.load('cache')).toEqual(bytes(1))
    expect(await ahead.load('cacheLog')).toEqual(bytes(2))
    const later = readAhead(store)
    await later.remove('cache')
    expect(await later.load('cache')).toBeNull()
  })

  it('tells whoever asks, and nobody else, that it cannot be read', async () => {
    const { store } = watched(async () => {
      throw new Error('the disk is gone')
    })
    readAhead(store)
    await expect(readAhead(store).load('cache')).rejects.toThrow('the disk is gone')
  })
})
