import { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OUTER_OVERHEAD, OUTER_TABLES, openOuter, sealOuter } from './outer-layer.ts'
import { checkpointPlace, envelopePlace, keyringPlace, loginStatePlace, wrapPlace } from './places.ts'

const random = { bytes: (length: number) => randomBytes(length) }
const key = createSecretKey(randomBytes(32))
const id = () => randomBytes(16)
const damaged = expect.objectContaining({ code: 'stored_data_damaged' })

describe('outer layer', () => {
  it('gives back what it sealed, and adds 29 bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (plaintext) => {
        const place = keyringPlace(id(), 1)
        const sealed = sealOuter(random, key, place, plaintext)
        expect(sealed.length).toBe(plaintext.length + OUTER_OVERHEAD)
        expect(Buffer.compare(openOuter(key, place, sealed), plaintext)).toBe(0)
      }),
      { seed: 4, numRuns: 50 },
    )
  })

  it('does not open under another key, in another place, or changed in any byte', () => {
    const [account, vault, blob] = [id(), id(), id()]
    const place = wrapPlace(account, vault, 1, blob)
    const sealed = sealOuter(random, key, place, randomBytes(105))
    expect(() => openOuter(createSecretKey(randomBytes(32)), place, sealed)).toThrow(damaged)
    const others = [
      wrapPlace(account, vault, 2, blob),
      wrapPlace(account, vault, 1, id()),
      wrapPlace(account, id(), 1, blob),
      wrapPlace(id(), vault, 1, blob),
      envelopePlace(account, 1, 1),
      keyringPlace(account, 1),
      checkpointPlace(account, vault, 1),
      loginStatePlace(blob),
    ]
    for (const other of others) expect(() => openOuter(key, other, sealed)).toThrow(damaged)
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(() => openOuter(key, place, changed)).toThrow(damaged)
    }
    for (const length of [0, 1, 28, sealed.length - 1]) {
      expect(() => openOuter(key, place, sealed.subarray(0, length))).toThrow(damaged)
    }
  })

  it('keeps an old envelope or keyring from passing for a newer version', () => {
    const account = id()
    const sealed = sealOuter(random, key, keyringPlace(account, 1), randomBytes(40))
    expect(() => openOuter(key, keyringPlace(account, 2), sealed)).toThrow(damaged)
    const envelope = sealOuter(random, key, envelopePlace(account, 1, 1), randomBytes(40))
    expect(() => openOuter(key, envelopePlace(account, 2, 1), envelope)).toThrow(damaged)
  })

  it('names no table by the beginning of another', () => {
    for (const one of OUTER_TABLES) {
      for (const other of OUTER_TABLES) if (one !== other) expect(other.startsWith(one)).toBe(false)
    }
  })
})
