import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseLogin } from './login-name.ts'

describe('login names', () => {
  it('are the same in any case, form and with spaces around them', () => {
    expect(normaliseLogin('  Ａnn@Example.ORG ')).toBe('ann@example.org')
    expect(normaliseLogin('e\u0301mile')).toBe('\u00e9mile')
  })

  it('that are empty, hold control characters, surrogates or unassigned code points are refused', () => {
    for (const login of ['', '   ', 'a\u0000b', 'a\nb', 'a\ud800b', 'a\u{e0080}b', 'a\u{1f6d8}', 'a\u2ffc'])
      expect(normaliseLogin(login)).toBeNull()
  })

  it('keep their normal form', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (login) => {
        const once = normaliseLogin(login)
        if (once !== null) expect(normaliseLogin(once)).toBe(once)
      }),
      { seed: 3 },
    )
  })
})
