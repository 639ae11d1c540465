import { expect, test } from 'vitest'
import { UsageError } from './failure.ts'
import { baseName, joinRemote, namesFolder, parentOf, parseRemotePath } from './remote-path.ts'

test.each([
  ['/', '/'],
  ['//', '/'],
  ['/a', '/a'],
  ['/a/', '/a'],
  ['//a///b//', '/a/b'],
  ['/ a /-b/… ', '/ a /-b/… '],
  ['/...', '/...'],
])('reads %j as %j', (text, path) => {
  expect(parseRemotePath(text)).toBe(path)
})

test.each(['', 'a', './a', '/a/../b', '/.', '/a/./b', '/a\0', '/\ud800', `/${'é'.repeat(128)}`])(
  'refuses %j',
  (text) => {
    expect(() => parseRemotePath(text)).toThrow(UsageError)
  },
)

test('takes a name of exactly 255 bytes', () => {
  expect(parseRemotePath(`/${'x'.repeat(255)}`)).toHaveLength(256)
})

test('takes paths apart and puts them together', () => {
  expect([joinRemote('/', 'a'), joinRemote('/a', 'b')]).toEqual(['/a', '/a/b'])
  expect([baseName('/'), baseName('/a/b')]).toEqual(['', 'b'])
  expect([parentOf('/'), parentOf('/a'), parentOf('/a/b')]).toEqual(['/', '/', '/a'])
  expect([namesFolder('/a/'), namesFolder('/a')]).toEqual([true, false])
})
