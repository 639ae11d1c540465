import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { toHex } from './encoding.ts'
import { asDek, SecretBytes } from './secret-bytes.ts'
import { outcome } from './testing/expect.ts'

describe('SecretBytes', () => {
  it('never prints what it holds', () => {
    const secret = SecretBytes.copyOf(new Uint8Array(32).fill(0xab))
    for (const text of [String(secret), inspect(secret), inspect({ deep: { secret } }), JSON.stringify({ secret })]) {
      expect(text).toContain('[secret 32 bytes]')
      expect(text).not.toMatch(/ab|171/)
    }
    expect(Object.keys(secret)).toEqual([])
  })

  it('copies without touching the source, takes by wiping it', () => {
    const source = Uint8Array.of(1, 2, 3)
    const copy = SecretBytes.copyOf(source)
    expect(toHex(source)).toBe('010203')
    const taken = SecretBytes.take(source)
    expect(toHex(source)).toBe('000000')
    expect([copy.use(toHex), taken.use(toHex)]).toEqual(['010203', '010203'])
  })

  it('copies from a Buffer, whose own slice would not', () => {
    const source = Buffer.from([1, 2, 3])
    const copy = SecretBytes.copyOf(source)
    source.fill(9)
    expect(copy.use(toHex)).toBe('010203')
    copy.dispose()
    expect(toHex(source)).toBe('090909')
  })

  it('wipes its memory when disposed of and throws afterwards; a clone lives on', async () => {
    let inside = new Uint8Array(0)
    let clone: SecretBytes
    {
      using secret = SecretBytes.copyOf(Uint8Array.of(1, 2, 3))
      clone = secret.clone()
      inside = secret.use((bytes) => bytes) as Uint8Array<ArrayBuffer>
      expect(toHex(inside)).toBe('010203')
    }
    expect(toHex(inside)).toBe('000000')
    expect(clone.use(toHex)).toBe('010203')
    clone.dispose()
    clone.dispose()
    expect(await outcome(() => clone.use(toHex))).toBe('invalid_key')
    expect(await outcome(() => clone.length)).toBe('invalid_key')
    expect(String(clone)).toBe('[secret, wiped]')
  })

  it('is no DEK with another length than 32', async () => {
    expect(await outcome(() => asDek(SecretBytes.copyOf(new Uint8Array(31))))).toBe('invalid_key')
  })
})
