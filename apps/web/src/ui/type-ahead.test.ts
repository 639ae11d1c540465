import { describe, expect, it } from 'vitest'
import type { Rows } from '../bridge/rows.ts'
import { endsPair, typeAhead } from './type-ahead.ts'

function rowsOf(names: readonly string[]): Rows {
  const nameAt = (index: number): string => names[index] ?? ''
  const at = (index: number) => {
    const name = nameAt(index)
    return { index, id: name, path: `/${name}`, name, kind: 'file' as const, size: 0, timeMs: 0 }
  }
  return { count: names.length, at, idAt: nameAt, nameAt }
}

const ROWS = rowsOf(['abacus', 'apple', 'Äpfel', 'banana', 'New York', 'news'])
let clock = 0

/** Types letters without a pause, after one; the keyboard is where the last of them has led. */
function type(keys: string, active = -1): number {
  clock += 10_000
  let at = active
  for (const key of keys) {
    clock += 100
    at = typeAhead(key, ROWS, at, clock) ?? at
  }
  return at
}

describe('typing in a list', () => {
  it('goes to the next name that begins with the letters, whatever their case', () => {
    expect(type('b')).toBe(3)
    expect(type('ap')).toBe(1)
    expect(type('AP')).toBe(1)
    expect(type('ä')).toBe(2)
    expect(type('b', 4)).toBe(3)
  })

  it('goes on with the same letter to the next one, and around', () => {
    expect(type('a', 0)).toBe(1)
    expect(type('aa')).toBe(1)
    expect(type('aaa')).toBe(0)
  })

  it('leaves letters that do something else alone, unless a name has begun or Shift is held', () => {
    expect(type('n')).toBe(-1)
    expect(type('N')).toBe(4)
    expect(type('News')).toBe(5)
    expect(type('ban')).toBe(3)
    expect(type(' ')).toBe(-1)
    expect(type('New Y')).toBe(4)
  })

  it('stays where it is when there is no such name', () => {
    expect(type('x', 2)).toBe(2)
    expect(typeAhead('Enter', ROWS, 0, clock + 10_000)).toBe(null)
  })
})

describe('two keys that go to a place', () => {
  it('belong to the app, in time and in this order only', () => {
    const start = clock + 100_000
    const pair = (keys: string, ms: number): boolean => {
      const [first = '', second = ''] = keys
      endsPair(first, start)
      return endsPair(second, start + ms)
    }
    expect(['gf', 'gr', 'gs', 'gt'].map((keys) => pair(keys, 300))).toEqual([true, true, true, true])
    expect(['gx', 'fr', 'rs'].map((keys) => pair(keys, 300))).toEqual([false, false, false])
    expect(pair('gr', 1_200)).toBe(false)
  })
})
