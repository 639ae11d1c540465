import { describe, expect, it } from 'vitest'
import { matchesIn } from './search.ts'

const marked = (text: string, wanted: string): string =>
  matchesIn(text, wanted)
    .map(({ part, isMatch }) => (isMatch ? `[${part}]` : part))
    .join('')

describe('matches of a search in a name', () => {
  it.each([
    ['Holiday photo.jpg', 'photo', 'Holiday [photo].jpg'],
    ['Photo of PHOTOS', 'photo', '[Photo] of [PHOTO]S'],
    ['aaa', 'aa', '[aa]a'],
    ['anything', '', 'anything'],
    ['nothing here', 'xyz', 'nothing here'],
    ['İstanbul', 'stan', 'İstanbul'],
  ])('of %s for %s: %s', (text, wanted, expected) => {
    expect(marked(text, wanted)).toBe(expected)
  })

  it('together are the whole text', () => {
    expect(matchesIn('a.b.c', '.').map(({ part }) => part)).toEqual(['a', '.', 'b', '.', 'c'])
  })
})
