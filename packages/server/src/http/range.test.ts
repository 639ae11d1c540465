import { describe, expect, it } from 'vitest'
import { parseRange } from './range.ts'

describe('byte ranges', () => {
  it('are cut at the end of the object', () => {
    expect(parseRange('bytes=0-0', 10)).toEqual({ offset: 0, length: 1 })
    expect(parseRange('bytes=2-5', 10)).toEqual({ offset: 2, length: 4 })
    expect(parseRange('bytes=2-', 10)).toEqual({ offset: 2, length: 8 })
    expect(parseRange('bytes=2-99', 10)).toEqual({ offset: 2, length: 8 })
    expect(parseRange('bytes=-3', 10)).toEqual({ offset: 7, length: 3 })
    expect(parseRange('bytes=-99', 10)).toEqual({ offset: 0, length: 10 })
  })

  it('that begin beyond the object, or are empty, are refused', () => {
    for (const header of ['bytes=10-', 'bytes=10-12', 'bytes=-0']) {
      expect(() => parseRange(header, 10), header).toThrow(expect.objectContaining({ code: 'range_invalid' }))
    }
  })

  it('that are none, or several, are ignored', () => {
    for (const header of [
      undefined,
      '',
      'bytes=-',
      'bytes=a-b',
      'bytes=5-2',
      'items=0-1',
      'bytes=0-1,3-4',
      'bytes= 0-1',
    ]) {
      expect(parseRange(header, 10), header).toBeNull()
    }
  })
})
