import { describe, expect, it } from 'vitest'
import { UsageError } from './failure.ts'
import { isoTime, parseMoment, shownTime } from './times.ts'

const NOW = Date.parse('2024-03-01T00:00:00Z')

describe('times', () => {
  it('are shown in UTC, and as a dash where no calendar holds them', () => {
    expect(shownTime(Date.parse('2024-02-29T13:05:00.999Z'))).toBe('2024-02-29 13:05:00')
    expect(shownTime(Number.MAX_SAFE_INTEGER)).toBe('-')
    expect(isoTime(Number.MAX_SAFE_INTEGER)).toBeNull()
  })

  it.each([
    ['1d', '2024-02-29T00:00:00Z'],
    ['2w', '2024-02-16T00:00:00Z'],
    ['90min', '2024-02-29T22:30:00Z'],
    ['12h', '2024-02-29T12:00:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z'],
    ['2024-02-29T13:05:01Z', '2024-02-29T13:05:01Z'],
  ])('%s is %s', (text, expected) => {
    expect(parseMoment(text, '--newer', NOW)).toBe(Date.parse(expected))
  })

  it.each(['soon', '7', '7y', '29.02.2024', '2024-13-01', ''])('%j is refused', (text) => {
    expect(() => parseMoment(text, '--newer', NOW)).toThrow(UsageError)
  })
})
