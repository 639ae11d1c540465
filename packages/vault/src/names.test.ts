import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkName, decodeText, encodeText, isName, nameCollisionKey } from './names.ts'

describe('a name', () => {
  test('has 1 to 255 bytes and nothing that a path would misread', () => {
    for (const name of ['a', '...', ' ', 'a'.repeat(255), '\uFEFF', 'Ä'.repeat(127), '\u{1F600}', 'a\n', '\\', 'CON']) {
      expect(checkName(name)).toBe(name)
    }
    for (const name of ['', '.', '..', 'a/b', '/', 'a\0', '\uD83D', '\uDE00x', 'a'.repeat(256), 'Ä'.repeat(128)]) {
      expect(() => checkName(name)).toThrow(expect.objectContaining({ code: 'name_invalid' }))
    }
    expect(checkName(encodeText('\uFEFFx'))).toBe('\uFEFFx')
    expect(() => checkName(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(expect.objectContaining({ code: 'name_invalid' }))
  })

  test('is text and bytes one to one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(decodeText(encodeText(text))).toBe(text)
      }),
      { seed: 1 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 8 }), (bytes) => {
        const text = decodeText(bytes)
        if (text !== null) expect(encodeText(text)).toEqual(bytes)
        if (text !== null && isName(text)) expect(checkName(bytes)).toBe(text)
      }),
      { seed: 1, numRuns: 1000 },
    )
  })

  test('collides with its other normal form', () => {
    expect(nameCollisionKey('A\u0308')).toBe(nameCollisionKey('\u00C4'))
    expect(nameCollisionKey('a')).not.toBe(nameCollisionKey('A'))
  })
})
