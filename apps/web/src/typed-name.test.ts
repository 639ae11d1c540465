import { describe, expect, it } from 'vitest'
import { TEXT } from './strings.ts'
import { nameFault, typedName } from './typed-name.ts'

describe('a name that was typed', () => {
  it('loses the blanks around it', () => {
    expect(typedName('  a name ')).toBe('a name')
    expect(nameFault(typedName(' \u3000\t'))).toBe(TEXT.rename.empty)
  })

  it.each([
    ['.', TEXT.rename.dots],
    ['..', TEXT.rename.dots],
    ['a/b', TEXT.rename.slash],
    ['é'.repeat(128), TEXT.rename.long],
    ['a\0b', 'That name cannot be used.'],
  ])('is told why it cannot be used: %j', (name, fault) => {
    expect(nameFault(name)).toBe(fault)
  })

  it('may be anything else', () => {
    for (const name of ['...', 'a\\b', 'x'.repeat(255), '👩‍👧', 'e\u0301', 'CON']) expect(nameFault(name)).toBe(null)
  })
})
