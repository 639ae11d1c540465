import { describe, expect, it } from 'vitest'
import { parseRange } from './media.ts'

describe('a Range header', () => {
  it.each([
    [null, 100, [0, 100]],
    ['bytes=0-', 100, [0, 100]],
    ['bytes=10-19', 100, [10, 20]],
    ['bytes=90-500', 100, [90, 100]],
    ['bytes=-10', 100, [90, 100]],
    ['bytes=-500', 100, [0, 100]],
    ['bytes=5-6, 8-9', 100, [5, 7]],
    ['lines=1-2', 100, [0, 100]],
    ['bytes=100-', 100, null],
    ['bytes=20-10', 100, null],
    ['bytes=0-', 0, null],
    ['bytes=-0', 100, null],
  ] as const)('%s of %d bytes', (header, size, expected) => {
    const found = parseRange(header, size)
    expect(found === null ? null : [found.start, found.end]).toEqual(expected)
  })
})
