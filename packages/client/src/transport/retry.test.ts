import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientError } from '../errors.ts'
import type { Clock } from '../ports.ts'
import { backoffMs, parseRetryAfter, Transient, withRetries } from './retry.ts'

function countingClock(): Clock & { readonly slept: number[] } {
  const slept: number[] = []
  return {
    slept,
    nowMs: () => 0,
    async sleep(ms) {
      slept.push(ms)
    },
  }
}

const failure = new ClientError('network', 'lost')

describe('withRetries', () => {
  it('returns what the task returns after failures that pass', async () => {
    const clock = countingClock()
    const result = await withRetries({ clock, random: () => 0 }, async (attempt) => {
      if (attempt < 3) throw new Transient(failure)
      return attempt
    })
    expect(result).toBe(3)
    expect(clock.slept).toEqual([125, 250])
  })

  it('throws the last failure once six attempts are over', async () => {
    const clock = countingClock()
    let attempts = 0
    const task = async () => {
      attempts += 1
      throw new Transient(failure)
    }
    await expect(withRetries({ clock, random: () => 0.5 }, task)).rejects.toBe(failure)
    expect(attempts).toBe(6)
  })

  it('asks a silent server twice only', async () => {
    const silence = new ClientError('network', 'silent', { details: { silent: true } })
    let attempts = 0
    const task = async () => {
      attempts += 1
      throw new Transient(silence)
    }
    await expect(withRetries({ clock: countingClock(), random: () => 0 }, task)).rejects.toBe(silence)
    expect(attempts).toBe(2)
  })

  it('waits at least as long as the server asks', async () => {
    const clock = countingClock()
    await withRetries({ clock, random: () => 0 }, async (attempt) => {
      if (attempt === 1) throw new Transient(failure, 7000)
    })
    expect(clock.slept).toEqual([7000])
  })

  it('does not wait for a server that asks for minutes', async () => {
    const clock = countingClock()
    const task = async () => {
      throw new Transient(failure, 600_000)
    }
    await expect(withRetries({ clock, random: () => 0 }, task)).rejects.toBe(failure)
    expect(clock.slept).toEqual([])
  })

  it('never repeats what does not pass', async () => {
    let attempts = 0
    const task = async () => {
      attempts += 1
      throw new ClientError('integrity', 'no')
    }
    await expect(withRetries({ clock: countingClock(), random: () => 0 }, task)).rejects.toMatchObject({
      code: 'integrity',
    })
    expect(attempts).toBe(1)
  })
})

describe('backoffMs', () => {
  it('stays between half the ceiling and the ceiling', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const wait = backoffMs(attempt, random)
          expect(wait).toBeGreaterThanOrEqual(125)
          expect(wait).toBeLessThanOrEqual(30_000)
        },
      ),
      { seed: 11, numRuns: 200 },
    )
  })
})

describe('parseRetryAfter', () => {
  it('reads seconds and dates, and nothing else', () => {
    expect(parseRetryAfter('3', 0)).toBe(3000)
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000)).toBe(6000)
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:01 GMT', 4000)).toBe(0)
    expect(parseRetryAfter('soon', 0)).toBeNull()
    expect(parseRetryAfter(null, 0)).toBeNull()
  })
})
