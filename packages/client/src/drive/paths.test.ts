import { isName } from '@strongroom/vault'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatPath, numberedName, parsePath } from './paths.ts'

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..')

describe('parsePath', () => {
  it('is the inverse of formatPath', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 6 }), (names) => {
        expect(parsePath(formatPath(names))).toEqual(names)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  it('forgives repeated and trailing slashes', () => {
    expect(parsePath('//a///b/')).toEqual(['a', 'b'])
  })

  it.each(['', 'a/b', './a', '/a/../b', '/./a', '/a\0b', '/\ud800', `/${'x'.repeat(256)}`])('refuses %j', (path) => {
    expect(() => parsePath(path)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('names beside others', () => {
  it('number before the extension', () => {
    expect(numberedName('photo.jpg', 2)).toBe('photo (2).jpg')
    expect(numberedName('.profile', 3)).toBe('.profile (3)')
    expect(numberedName('README', 2)).toBe('README (2)')
  })

  it('are names of their own within 255 bytes, whatever is long of a name', () => {
    const part = fc.string({ unit: 'grapheme', maxLength: 260 })
    fc.assert(
      fc.property(part, part, fc.integer({ min: 2, max: 999 }), (stem, extension, number) => {
        const name = `${stem}.${extension}`.replace(/[/\0]/g, '_')
        const [one, other] = [numberedName(name, number), numberedName(name, number + 1)]
        expect([isName(one), isName(other)]).toEqual([true, true])
        expect(one).not.toBe(other)
      }),
      { seed: 5, numRuns: 200, examples: [['a', 'x'.repeat(253), 2]] },
    )
  })
})
