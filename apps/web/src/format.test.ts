import { describe, expect, it } from 'vitest'
import { shownName } from './format.ts'

describe('a name that is shown', () => {
  it('shows what would turn or hide a part of it', () => {
    expect(shownName('invoice\u202egpj.exe')).toBe('invoice\ufffdgpj.exe')
    expect(shownName('a\u0000b\n\u2066c\u2069\u200b\u00ad')).toBe('a\ufffdb\ufffd\ufffdc\ufffd\ufffd\ufffd')
  })

  it('is never blank', () => {
    for (const name of ['   ', '\u3000', '\u2800\u3164', ' \u200b'])
      expect(shownName(name)).toBe('\ufffd'.repeat(name.length))
    expect(shownName(' a ')).toBe(' a ')
  })

  it('leaves writing of every direction, and joined letters and pictures, alone', () => {
    for (const name of ['ملف عربي.txt', 'می‌خواهم', '👨‍👩‍👧 family', 'été', '日本語']) expect(shownName(name)).toBe(name)
  })
})
