import type { StateStore } from '@strongroom/client'
import { databaseStore, memoryStore } from '@strongroom/client/browser'

/** Keeps one text as long as its tab lives, also over a reload. */
export interface TabMemory {
  load(): Promise<string | null>
  save(text: string | null): Promise<void>
}

/**
 * The device's state: pins, index and journals in the database of this origin, but who is signed in only in the tab,
 * so that nothing in the browser's profile opens anything once the tabs are closed.
 */
export function tabStore(tab: TabMemory): StateStore {
  const disk = databaseStore()
  const profile = memoryStore()
  let loaded = false
  const loadOnce = async (): Promise<void> => {
    if (loaded) return
    loaded = true
    const text = await tab.load()
    if (text !== null) await profile.save('profile', decode(text))
  }
  return {
    journals: disk.journals,
    async load(name) {
      if (name !== 'profile') return await disk.load(name)
      await loadOnce()
      return await profile.load(name)
    },
    async save(name, bytes) {
      if (name !== 'profile') return await disk.save(name, bytes)
      loaded = true
      await profile.save(name, bytes)
      await tab.save(encode(bytes))
    },
    append: (name, bytes) => disk.append(name, bytes),
    async remove(name) {
      if (name !== 'profile') return await disk.remove(name)
      loaded = true
      await profile.remove(name)
      await tab.save(null)
    },
    exclusively: (task, lock) => disk.exclusively(task, lock),
  }
}

function encode(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function decode(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
