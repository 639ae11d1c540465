import { nodeEngine } from '@strongroom/crypto/node'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../platform/browser/memory-store.ts'
import type { OpaqueClient } from '../ports.ts'
import { type KdfProfile, loginRounds, profileForRecord, rememberedProfile, rememberProfile } from './kdf-profiles.ts'
import { inlineOpaque } from './opaque.ts'
import { loadPins, updatePins } from './pins.ts'

const withMemory = (most: number): OpaqueClient => ({
  ...inlineOpaque(),
  hasMemory: async (mebibytes) => mebibytes <= most,
})
const [large, small, none] = [withMemory(1024), withMemory(40), withMemory(1)]

const rounds = async (opaque: OpaqueClient, remembered: KdfProfile | null): Promise<string[]> =>
  (await loginRounds(opaque, remembered)).map(({ profiles }) => profiles.join(' '))

describe('profiles', () => {
  it('are tried in the compiled order, those of one first message together', async () => {
    expect(await rounds(large, null)).toEqual(['argon2id-64 argon2id-32', 'pbkdf2-600k'])
  })

  it('begin with what was used last', async () => {
    expect(await rounds(large, 'argon2id-32')).toEqual(['argon2id-32 argon2id-64', 'pbkdf2-600k'])
    expect(await rounds(large, 'pbkdf2-600k')).toEqual(['pbkdf2-600k', 'argon2id-64 argon2id-32'])
  })

  it('leave out what the device has no memory for', async () => {
    expect(await rounds(small, 'argon2id-64')).toEqual(['argon2id-32', 'pbkdf2-600k'])
    expect(await rounds(none, null)).toEqual([])
  })

  it('of a new record are what was asked for, else what the memory allows', async () => {
    expect([await profileForRecord(large, null), await profileForRecord(small, null)]).toEqual([
      'argon2id-64',
      'argon2id-32',
    ])
    expect(await profileForRecord(small, 'pbkdf2-600k')).toBe('pbkdf2-600k')
    await expect(profileForRecord(small, 'argon2id-64')).rejects.toMatchObject({ code: 'usage' })
    // Reason for the cast: JavaScript has no types.
    await expect(profileForRecord(large, 'md5' as KdfProfile)).rejects.toMatchObject({ code: 'usage' })
  })

  it('are remembered by server and login name, and a text that is none counts for nothing', async () => {
    const here = { engine: nodeEngine(), store: memoryStore() }
    const place = { server: 'https://files.example.org', login: 'ann' }
    await rememberProfile(here, place, 'argon2id-32')
    expect(await rememberedProfile(here, place)).toBe('argon2id-32')
    expect(await rememberedProfile(here, { ...place, login: 'bob' })).toBeNull()
    expect(JSON.stringify(await loadPins(here.store))).not.toContain('ann')
    await updatePins(here.store, (pins) => {
      for (const key of Object.keys(pins.profiles)) pins.profiles[key] = 'none'
      return true
    })
    expect(await rememberedProfile(here, place)).toBeNull()
  })
})
