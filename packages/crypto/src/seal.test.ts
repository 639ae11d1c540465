import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Bytes } from './encoding.ts'
import { concat, equalBytes, toHex, utf8 } from './encoding.ts'
import { nodeEngine } from './engines/node.ts'
import { hkdfExpand } from './hkdf.ts'
import type { SealType } from './labels.ts'
import { LABELS } from './labels.ts'
import type { SealContext } from './seal.ts'
import { open, openInPlace, seal, sealContext } from './seal.ts'
import { SEAL_CHUNK, sealedLength, unsealedLength } from './sealed-layout.ts'
import { SecretBytes } from './secret-bytes.ts'
import { outcome } from './testing/expect.ts'
import { collideKeys, type GcmKey } from './testing/gcm-collision.ts'

const engine = nodeEngine()
const run = { seed: 21, numRuns: 60 }

function contextOf(type: SealType, fill: number): SealContext {
  return sealContext(type, ...LABELS.seal[type].ids.map((length) => new Uint8Array(length).fill(fill)))
}

async function scheduleOf(key: Bytes, salt: Bytes, context: SealContext): Promise<GcmKey & { commitment: Bytes }> {
  const info = concat(utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'), salt, context.bytes)
  const material = await hkdfExpand(engine, 'SHA-512', key, info, 76)
  return { key: material.slice(0, 32), nonce: material.slice(32, 44), commitment: material.slice(44) }
}

describe('seal', () => {
  it('is undone by open for every plaintext', async () => {
    const key = SecretBytes.random(engine, 32)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40_000, size: 'max' }), async (plaintext) => {
        const sealed = await seal(engine, key, contextOf('body', 1), plaintext)
        expect([sealed.length, unsealedLength(sealed.length)]).toEqual([
          sealedLength(plaintext.length),
          plaintext.length,
        ])
        expect(equalBytes(await open(engine, key, contextOf('body', 1), sealed), plaintext)).toBe(true)
      }),
      run,
    )
  })

  it('is undone by openInPlace, in memory of its own where chunks are opened beside each other', async () => {
    const key = SecretBytes.random(engine, 32)
    for (const length of [0, 1, SEAL_CHUNK - 1, SEAL_CHUNK, SEAL_CHUNK + 1, 5 * SEAL_CHUNK + 7]) {
      const plaintext = engine.randomBytes(length)
      for (const parallelism of [1, 4]) {
        const sealed = await seal(engine, key, contextOf('local-index', 1), plaintext)
        const before = sealed.slice()
        const opened = await openInPlace({ ...engine, parallelism }, key, contextOf('local-index', 1), sealed)
        expect(equalBytes(opened, plaintext)).toBe(true)
        expect(opened.buffer === sealed.buffer).toBe(parallelism === 1)
        if (parallelism > 1) expect(equalBytes(sealed, before)).toBe(true)
      }
    }
  })

  it('is refused by openInPlace where a chunk was changed, and nothing of the plaintext stays', async () => {
    const key = SecretBytes.random(engine, 32)
    const plaintext = new Uint8Array(3 * SEAL_CHUNK).fill(7)
    const sealed = await seal(engine, key, contextOf('local-index', 1), plaintext)
    const at = sealed.length - SEAL_CHUNK
    sealed[at] = (sealed[at] ?? 0) ^ 1
    const refused = openInPlace(engine, key, contextOf('local-index', 1), sealed)
    await expect(refused).rejects.toMatchObject({ code: 'decrypt_failed' })
    expect(sealed.subarray(0, plaintext.length).every((byte) => byte === 0)).toBe(true)
  })

  it('makes what opens in the place of no other type and under no other id', async () => {
    const key = SecretBytes.random(engine, 32)
    const types = Object.keys(LABELS.seal) as SealType[]
    for (const type of types) {
      const sealed = await seal(engine, key, contextOf(type, 1), new Uint8Array(32))
      for (const other of types) {
        const code = await outcome(() => open(engine, key, contextOf(other, 1), sealed))
        expect(code, `${type} as ${other}`).toBe(type === other ? 'success' : 'decrypt_failed')
      }
      const { ids } = LABELS.seal[type]
      for (let i = 0; i < ids.length; i++) {
        const moved = ids.map((length, j) => new Uint8Array(length).fill(i === j ? 2 : 1))
        expect(await outcome(() => open(engine, key, sealContext(type, ...moved), sealed))).toBe('decrypt_failed')
      }
    }
  })

  it('never repeats a salt', async () => {
    const key = SecretBytes.random(engine, 32)
    const salts = new Set<string>()
    for (let i = 0; i < 2000; i++) {
      salts.add(toHex((await seal(engine, key, contextOf('dek', 1), new Uint8Array(32))).subarray(1, 25)))
    }
    expect(salts.size).toBe(2000)
  })

  it('refuses plaintexts above the limit of their type, and keys of another length', async () => {
    const key = SecretBytes.random(engine, 32)
    expect(await outcome(() => seal(engine, key, contextOf('dek', 1), new Uint8Array(33)))).toBe('size_out_of_range')
    expect(await outcome(() => seal(engine, key, contextOf('body', 1), new Uint8Array(2 ** 20 + 1)))).toBe(
      'size_out_of_range',
    )
    const long = SecretBytes.random(engine, 64)
    expect(await outcome(() => seal(engine, long, contextOf('dek', 1), new Uint8Array(32)))).toBe('invalid_key')
  })

  it('refuses a ciphertext made to open under two keys, by the commitment alone', async () => {
    const context = contextOf('body', 1)
    const salt = engine.randomBytes(24)
    const [a, b] = [engine.randomBytes(32), engine.randomBytes(32)]
    const [first, second] = [await scheduleOf(a, salt, context), await scheduleOf(b, salt, context)]
    const both = collideKeys(first, second)
    for (const { key, nonce } of [first, second]) {
      const cipher = await engine.importAesGcm(key)
      expect(await outcome(() => cipher.decrypt(nonce, new Uint8Array(0), both))).toBe('success')
    }
    const sealed = concat(Uint8Array.of(1), salt, first.commitment, both)
    expect(await outcome(() => open(engine, SecretBytes.copyOf(a), context, sealed))).toBe('success')
    expect(await outcome(() => open(engine, SecretBytes.copyOf(b), context, sealed))).toBe('decrypt_failed')
  })

  it('refuses bytes that nobody sealed with an error of this package', async () => {
    const key = SecretBytes.random(engine, 32)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await outcome(() => open(engine, key, contextOf('body', 1), bytes))).not.toBe('success')
      }),
      run,
    )
  })
})
