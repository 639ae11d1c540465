import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isName } from '../names.ts'
import { conflictName } from './conflict-name.ts'

const label = { deviceName: 'laptop', timeMs: Date.UTC(2026, 10, 29, 20, 15, 59) }

test('puts who and when before the extension', () => {
  expect(conflictName('photo.jpg', label)).toBe('photo (conflict, laptop, 2026-11-29 20.15).jpg')
  expect(conflictName('photo.jpg', label, 2)).toBe('photo (conflict, laptop, 2026-11-29 20.15) (2).jpg')
  expect(conflictName('.profile', label)).toBe('.profile (conflict, laptop, 2026-11-29 20.15)')
  expect(conflictName(`a.${'b'.repeat(40)}`, { deviceName: 'a/b\0c', timeMs: 0 })).toBe(
    `a.${'b'.repeat(40)} (conflict, a-b-c, 1970-01-01 00.00)`,
  )
})

test('is a name whatever name, device and time are', () => {
  const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 255 }).filter(isName)
  const time = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(name, fc.string({ unit: 'binary' }), time, fc.nat(), (given, deviceName, timeMs, number) => {
      expect(isName(conflictName(given, { deviceName, timeMs }, number))).toBe(true)
    }),
    { seed: 11, numRuns: 500 },
  )
})
