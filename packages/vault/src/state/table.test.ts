import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copyTable, keysThatDiffer, LayeredTable, type Table } from './table.ts'

const KEYS = ['a', 'b', 'c', 'd']
const change = fc.record({ key: fc.constantFrom(...KEYS), value: fc.option(fc.nat(9)) })

function apply(table: Pick<Table<number>, 'set' | 'delete'>, { key, value }: { key: string; value: number | null }) {
  if (value === null) return table.delete(key)
  table.set(key, value)
  return true
}

describe('a table on a base', () => {
  test('holds what a map would, and copies of it go their own ways', () => {
    fc.assert(
      fc.property(fc.array(change), fc.array(change), fc.array(change), (first, second, third) => {
        const base = new Map<string, number>()
        for (const each of first) apply(base, each)
        const [table, map] = [new LayeredTable(base), new Map(base)]
        for (const each of second) expect(apply(table, each)).toBe(apply(map, each))
        const [copy, mapCopy] = [copyTable(table), new Map(map)]
        for (const each of third) expect(apply(copy, each)).toBe(apply(mapCopy, each))
        for (const [layered, plain] of [
          [table, map],
          [copy, mapCopy],
        ] as const) {
          expect(new Map(layered)).toEqual(plain)
          expect([layered.size, [...layered.keys()].sort()]).toEqual([plain.size, [...plain.keys()].sort()])
          expect([...layered.values()].sort()).toEqual([...plain.values()].sort())
          for (const key of KEYS) expect([layered.get(key), layered.has(key)]).toEqual([plain.get(key), plain.has(key)])
        }
        const differing = new Set(keysThatDiffer(table, copy))
        for (const key of KEYS) if (map.get(key) !== mapCopy.get(key)) expect(differing).toContain(key)
      }),
      { seed: 71, numRuns: 300 },
    )
  })

  test('knows the few keys that differ from a copy, and looks at all where the bases are others', () => {
    const base = new Map(KEYS.map((key, index) => [key, index]))
    const table = new LayeredTable(base)
    const copy = copyTable(table)
    copy.set('b', 7)
    expect([...keysThatDiffer(table, copy)]).toEqual(['b'])
    expect([...keysThatDiffer(table, new LayeredTable(new Map(base)))].sort()).toEqual(KEYS)
  })
})
