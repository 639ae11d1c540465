import { isUnassigned } from '@strongroom/protocol'
import { describe, expect, it } from 'vitest'
import { normaliseLogin, normalisePassword } from './credentials.ts'

describe('normalisePassword', () => {
  it('composes, maps other spaces, and trims nothing', () => {
    expect(normalisePassword('e\u0301')).toBe('\u00e9')
    expect(normalisePassword(' a\u00a0b\u3000')).toBe(' a b ')
    expect(normalisePassword('ﬁ')).toBe('ﬁ')
  })

  it.each(['', 'a\u0000', 'a\u0007', 'a\u200d', '\ud800', '\ue000', '\u{378}', '\u{1f6d8}'])(
    'refuses %j',
    (password) => {
      expect(() => normalisePassword(password)).toThrow(expect.objectContaining({ code: 'usage' }))
    },
  )
})

describe('normaliseLogin', () => {
  it('is NFKC, trimmed and lower case', () => {
    expect(normaliseLogin('  Ａlice ')).toBe('alice')
    expect(normaliseLogin('ÉMILE')).toBe('émile')
  })

  it.each(['', '   ', 'a\u0000b', 'x'.repeat(255), 'a\u{1f6d8}'])('refuses %j', (login) => {
    expect(() => normaliseLogin(login)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('isUnassigned', () => {
  it('holds the state of Unicode 15.0 whatever the runtime knows', () => {
    // Assigned up to 15.0.
    for (const code of [0x41, 0x20ac, 0x1f6dc, 0x11f00, 0x31350, 0x2b739, 0x10fffd])
      expect(isUnassigned(code)).toBe(false)
    // Assigned later: 15.1, 16.0, 17.0; or never.
    for (const code of [0x2ffc, 0x2ebf0, 0x1c89, 0x105c0, 0x1f6d8, 0x20c1, 0x378, 0xffff, 0x10ffff]) {
      expect(isUnassigned(code)).toBe(true)
    }
  })

  it('counts every code point that 15.0 leaves open', () => {
    let count = 0
    for (let code = 0; code <= 0x10ffff; code += 1) if (isUnassigned(code)) count += 1
    // 149,186 characters, 65 controls, 137,468 private, 2,048 surrogates are assigned to something.
    expect(0x110000 - count).toBe(149_186 + 65 + 137_468 + 2048)
  })
})
