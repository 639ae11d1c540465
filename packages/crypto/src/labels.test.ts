import { describe, expect, it } from 'vitest'
import { toHex } from './encoding.ts'
import { LABEL_VERSION, LABELS, labelPrefix } from './labels.ts'
import { hashMessage, signatureMessage } from './messages.ts'
import { sealContext } from './seal.ts'

/** Everything that goes into one primitive, by what it begins with. */
const DOMAINS: Record<string, string[]> = {
  'SHA-256': Object.keys(LABELS.hash),
  Ed25519: Object.keys(LABELS.sign).map((type) => `${type}-signature`),
  'HKDF-Expand-SHA512, derive': Object.keys(LABELS.derive).map((label) => `derive/${label}`),
  'HKDF-Expand-SHA512, seal': Object.keys(LABELS.seal),
  FLOE: Object.keys(LABELS.encrypt),
  HPKE: Object.keys(LABELS.hpke),
}

describe('the label table', () => {
  it.each(Object.entries(DOMAINS))('%s: no beginning is a prefix of another', (_, texts) => {
    const prefixes = texts.map((text) => toHex(labelPrefix(text)))
    for (const [i, a] of prefixes.entries()) {
      for (const [j, b] of prefixes.entries())
        expect(i === j || !b.startsWith(a), `${texts[i]} and ${texts[j]}`).toBe(true)
    }
  })

  it('keeps hashed, signed and derived bytes apart even across primitives', () => {
    const texts = ['SHA-256', 'Ed25519', 'HKDF-Expand-SHA512, derive'].flatMap((domain) => DOMAINS[domain] ?? [])
    expect(new Set(texts).size).toBe(texts.length)
  })

  it('keeps sealed, encrypted and wrapped bytes apart even across primitives', () => {
    const texts = ['HKDF-Expand-SHA512, seal', 'FLOE', 'HPKE', 'Ed25519'].flatMap((domain) => DOMAINS[domain] ?? [])
    expect(new Set(texts).size).toBe(texts.length)
  })

  it('has extract salts of which none begins another', () => {
    const salts = Object.keys(LABELS.extract)
    for (const a of salts) for (const b of salts) expect(a === b || !b.startsWith(a)).toBe(true)
  })

  it('uses only small letters, digits and dashes', () => {
    const texts = Object.values(LABELS).flatMap((group) => Object.keys(group))
    for (const text of texts) expect(text).toMatch(/^[a-z0-9-]+$/)
    expect(LABEL_VERSION).toBe(1)
  })

  it('gives two sealed objects of one type the same context only for the same ids', () => {
    // Reason: every id of a type has a fixed length, so joined ids read back in one way only.
    for (const { ids } of Object.values(LABELS.seal)) for (const length of ids) expect(length).toBeGreaterThan(0)
  })
})

describe('messages', () => {
  it('begin with type and version', () => {
    expect(toHex(hashMessage('root', Uint8Array.of(5)))).toBe(`${toHex(labelPrefix('root'))}05`)
    expect(toHex(signatureMessage('commit', new Uint8Array(32)))).toBe(
      toHex(labelPrefix('commit-signature')) + '00'.repeat(32),
    )
  })

  it('refuses to sign anything but a 32-byte hash', () => {
    expect(() => signatureMessage('commit', new Uint8Array(31))).toThrow()
  })

  it('refuses a context whose ids do not fit the type', () => {
    expect(() => sealContext('keyring', new Uint8Array(16))).toThrow()
    expect(() => sealContext('keyring', new Uint8Array(8), new Uint8Array(16))).toThrow()
    expect(() => sealContext('keyring', new Uint8Array(16), new Uint8Array(8), new Uint8Array(1))).toThrow()
  })
})
