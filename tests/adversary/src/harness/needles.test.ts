import { describe, expect, it } from 'vitest'
import { findNeedles, needlesOf, plantings, textCanary } from './needles.ts'

describe('the search for canaries', () => {
  const text = textCanary('text', 'Geheimnis / ünïcode+~canary')
  const key = { name: 'key', bytes: Uint8Array.from({ length: 32 }, (_, index) => (index * 73 + 190) & 255) }

  it.each([text, key])('finds $name in every encoding and at every alignment', (canary) => {
    for (const planted of plantings(canary)) {
      expect(findNeedles([canary], [planted]), planted.name).not.toEqual([])
    }
  })

  it('finds nothing in bytes that do not hold it', () => {
    const other = plantings(textCanary('other', 'Something altogether different'))
    expect(findNeedles([text, key], other)).toEqual([])
  })

  it('refuses canaries that chance could produce', () => {
    expect(() => needlesOf(textCanary('short', 'abc'))).toThrow('too short')
  })
})
