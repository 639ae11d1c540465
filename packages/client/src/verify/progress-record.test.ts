import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeRecord, emptyRecord, encodeRecord } from './progress-record.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const found = fc.record({
  blobId: id,
  kind: fc.constantFrom('missing', 'damaged', 'key', 'unreadable'),
  part: fc.option(fc.nat(9_999)),
})
const record = fc.record({
  last: fc.option(id),
  parts: fc.nat(10_000),
  contents: fc.nat(),
  bytes: fc.nat(),
  found: fc.array(found, { maxLength: 5 }),
})

describe('the record of a run', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(decodeRecord(encodeRecord(value))).toEqual(value)
      }),
      { seed: 3, numRuns: 200 },
    )
    expect(decodeRecord(encodeRecord(emptyRecord()))).toEqual(emptyRecord())
  })

  it('counts for nothing when it is cut, longer or of another version', () => {
    fc.assert(
      fc.property(record, fc.nat(), (value, cut) => {
        const bytes = encodeRecord(value)
        expect(decodeRecord(bytes.subarray(0, cut % bytes.length))).toBeNull()
        expect(decodeRecord(Uint8Array.of(...bytes, 0))).toBeNull()
        expect(decodeRecord(Uint8Array.of(2, ...bytes.subarray(1)))).toBeNull()
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})
