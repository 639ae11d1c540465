import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeAt } from '../../testing/totp-code.ts'
import { totpStep } from './totp.ts'

const SECRET = new TextEncoder().encode('12345678901234567890')

describe('TOTP', () => {
  // RFC 6238, appendix B: the column for SHA-1, of which six digits are the last six of the eight printed there.
  it.each([
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ])('knows the code of RFC 6238 for second %i', (seconds, digits) => {
    const code = digits.slice(2)
    expect(totpStep(SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
    expect(codeAt(SECRET, seconds * 1000)).toBe(code)
  })

  it('takes the step before and the step after, and none beyond', () => {
    const step = 41_152_263
    const code = codeAt(SECRET, step * 30_000)
    for (const [offset, expected] of [
      [-2, null],
      [-1, step],
      [0, step],
      [1, step],
      [2, null],
    ] as const) {
      expect([offset, totpStep(SECRET, code, (step + offset) * 30_000 + 14_000)]).toEqual([offset, expected])
    }
    expect(totpStep(SECRET, code, (step - 1) * 30_000 - 1)).toBeNull()
    expect(totpStep(SECRET, code, (step + 2) * 30_000 - 1)).toBe(step)
  })

  it('agrees with an independent computation for any secret and time', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        fc.integer({ min: 30_000, max: 2 ** 45 }),
        (secret, timeMs) => {
          const found = totpStep(secret, codeAt(secret, timeMs), timeMs)
          // Two neighbouring steps may have the same code.
          expect(found).not.toBeNull()
          expect(Math.abs((found ?? 0) - Math.floor(timeMs / 30_000))).toBeLessThanOrEqual(1)
        },
      ),
      { seed: 6238, numRuns: 200 },
    )
  })

  it('is a truncated HMAC-SHA-1 (RFC 4226, appendix D)', () => {
    expect(createHmac('sha1', SECRET).update(Buffer.alloc(8)).digest('hex')).toBe(
      'cc93cf18508d94934c64b65d8ba7667fb7cde4b0',
    )
    expect([0, 1, 2, 9].map((step) => codeAt(SECRET, step * 30_000))).toEqual(['755224', '287082', '359152', '520489'])
  })
})
