import { describe, expect, it } from 'vitest'
import { frameHead, unframe } from './framed.ts'

describe('framed bodies', () => {
  it('hold their JSON, and the bytes behind it', () => {
    const body = Uint8Array.of(...frameHead('{"a":"ü"}'), 1, 2, 3)
    expect([...body.subarray(0, 4)]).toEqual([0, 0, 0, 10])
    // In the middle of other memory, as a server gets it.
    const within = new Uint8Array(body.length + 6)
    within.set(body, 3)
    const parts = unframe(within.subarray(3, 3 + body.length))
    expect(new TextDecoder().decode(parts?.json)).toBe('{"a":"ü"}')
    expect(parts?.bytes).toEqual(Uint8Array.of(1, 2, 3))
  })

  it.each([[''], ['000000'], ['00000001'], ['000000027b']])('are refused when cut short: %s', (hex) => {
    expect(unframe(new Uint8Array(Buffer.from(hex, 'hex')))).toBeNull()
  })
})
