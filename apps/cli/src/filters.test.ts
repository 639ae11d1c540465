import { describe, expect, test } from 'vitest'
import { UsageError } from './failure.ts'
import { pathFilter } from './filters.ts'

const includes = (glob: string, path: string): boolean => pathFilter([glob], []).includes(path)

describe('a glob', () => {
  test.each([
    ['*.jpg', 'a.jpg', true],
    ['*.jpg', 'x/y/a.jpg', true],
    ['*.jpg', 'a.jpeg', false],
    ['*', '.hidden', true],
    ['x/*.jpg', 'x/a.jpg', true],
    ['x/*.jpg', 'y/x/a.jpg', false],
    ['x/*.jpg', 'x/y/a.jpg', false],
    ['x/**/a', 'x/a', true],
    ['x/**/a', 'x/1/2/a', true],
    ['**/a', 'a', true],
    ['x/**', 'x/1/2', true],
    ['/a', 'a', true],
    ['/a', 'x/a', false],
    ['?', '字', true],
    ['?', '👍', true],
    ['[a-c].txt', 'b.txt', true],
    ['[!a-c].txt', 'b.txt', false],
    ['[!a-c].txt', 'd.txt', true],
    ['[]]', ']', true],
    ['{a,b}.{c,d}', 'b.c', true],
    ['{a,b}.{c,d}', 'c.c', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a+b(c).$^|', 'a+b(c).$^|', true],
    ['photos', 'photos/2020/a.jpg', true],
    ['photos/', 'photos/a.jpg', true],
  ])('%j on %j: %s', (glob, path, expected) => {
    expect(includes(glob, path)).toBe(expected)
  })

  test.each(['', '/', '[a', '{a', '[b-a]'])('%j is refused', (glob) => {
    expect(() => pathFilter([glob], [])).toThrow(UsageError)
  })
})

test('without includes everything takes part', () => {
  expect(pathFilter([], []).includes('a/b')).toBe(true)
})

test('an exclude is stronger than an include, and holds for all below a folder', () => {
  const filter = pathFilter(['*.txt'], ['node_modules'])
  expect(filter.includes('a.txt')).toBe(true)
  expect(filter.includes('x/node_modules/a.txt')).toBe(false)
  expect(filter.excludesFolder('x/node_modules')).toBe(true)
  expect(filter.excludesFolder('x')).toBe(false)
})
