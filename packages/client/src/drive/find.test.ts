import { describe, expect, it } from 'vitest'
import { nameMatcher } from './find.ts'

const entry = (path: string) => ({ path, name: path.slice(path.lastIndexOf('/') + 1) })

describe('patterns of find', () => {
  it.each([
    ['each', '/photos/Beach.jpg', true],
    ['BEACH', '/photos/beach.jpg', true],
    ['photos', '/photos/beach.jpg', false],
    ['*.jpg', '/photos/beach.JPG', true],
    ['*.jp', '/photos/beach.jpg', false],
    ['b?ach*', '/photos/beach.jpg', true],
    ['photos/*', '/photos/beach.jpg', true],
    ['photos/*', '/old/photos/beach.jpg', true],
    ['/photos/*', '/old/photos/beach.jpg', false],
    ['photos/*', '/photos/2024/beach.jpg', false],
    ['photos/**', '/photos/2024/beach.jpg', true],
    ['photos/2024', '/photos/2024/beach.jpg', true],
    ['[ab]*.{jpg,png}', '/x/Beach.PNG', true],
    ['a.c', '/x/abc', false],
  ])('%s on %s: %s', (pattern, path, expected) => {
    expect(nameMatcher(pattern)(entry(path))).toBe(expected)
  })

  it('find names whatever the form of their accents', () => {
    expect(nameMatcher('caf\u00e9')(entry('/Cafe\u0301.txt'))).toBe(true)
    expect(nameMatcher('*cafe\u0301*')(entry('/CAF\u00c9.txt'))).toBe(true)
  })

  it('that are empty or not closed are refused', () => {
    for (const pattern of ['', '[a', '{a,b']) expect(() => nameMatcher(pattern)).toThrow(/pattern/)
  })
})
