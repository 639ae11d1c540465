import { expect, test } from 'vitest'
import { UsageError } from './failure.ts'
import { count, formatBytes, formatDuration, parseRate, parseWhole } from './quantity.ts'

test.each([
  ['1', 1],
  ['500k', 500_000],
  ['2M', 2_000_000],
  ['2MB', 2_000_000],
  ['1.5MiB', 1_572_864],
  ['1 GiB/s', 1_073_741_824],
  ['0.5k', 500],
])('reads the rate %s', (text, bytes) => {
  expect(parseRate(text)).toBe(bytes)
})

test.each(['', '0', '0.4', '-1', 'fast', '1e6', 'k', '1x', '99999999T', '1,5M'])('refuses the rate "%s"', (text) => {
  expect(() => parseRate(text)).toThrow(UsageError)
})

test('reads whole numbers within bounds only', () => {
  expect(parseWhole('32', '--jobs', 1, 32)).toBe(32)
  for (const text of ['0', '33', '1.5', '-1', '', ' 1', '0x10', '9007199254740993']) {
    expect(() => parseWhole(text, '--jobs', 1, 32)).toThrow(/--jobs/)
  }
})

test('writes sizes for people', () => {
  expect([0, 999, 1000, 1500, 99_949, 99_999, 999_499, 999_999, 5e15, 5e18].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.5 kB',
    '99.9 kB',
    '100 kB',
    '999 kB',
    '1.0 MB',
    '5.0 PB',
    '5000 PB',
  ])
})

test('writes time spans for people', () => {
  expect([0, 59.4, 60, 200, 7500, Number.POSITIVE_INFINITY].map(formatDuration)).toEqual([
    '0 s',
    '59 s',
    '1 min 0 s',
    '3 min 20 s',
    '2 h 5 min',
    '–',
  ])
})

test('counts with the right ending', () => {
  expect([0, 1, 2].map((number) => count(number, 'file'))).toEqual(['0 files', '1 file', '2 files'])
})
