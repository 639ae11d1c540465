import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  checkLayout,
  contentLayout,
  MAX_BLOB_LENGTH,
  MAX_PARTS,
  MIN_PART_SIZE,
  paddedSize,
  padme,
  partBlobRange,
  partPlaintextRange,
  SEGMENT_LENGTH,
  SEGMENT_PLAINTEXT,
  streamLayout,
} from './sizes.ts'
import { outcome } from './testing/expect.ts'

const run = { seed: 7, numRuns: 500 }
const anySize = fc.oneof(
  fc.nat(3_000_000),
  fc.maxSafeNat().map((n) => n % 600_000_000_000),
)

/** Padmé as its paper writes it, over big integers. */
function reference(size: number): number {
  const value = BigInt(size)
  const e = BigInt(value.toString(2).length - 1)
  const s = BigInt(e.toString(2).length)
  const mask = (1n << (e - s)) - 1n
  return Number((value + mask) & ~mask)
}

describe('Padmé', () => {
  it('is what its paper defines', () => {
    for (let size = 4; size < 5000; size++) expect(padme(size)).toBe(reference(size))
    fc.assert(
      fc.property(anySize, (size) => size < 4 || padme(size) === reference(size)),
      run,
    )
  })

  it('never shrinks, never adds more than 12 percent, and is its own fixed point', () => {
    fc.assert(
      fc.property(anySize, (size) => {
        const padded = padme(size)
        expect(padded).toBeGreaterThanOrEqual(size)
        expect(padded).toBeLessThanOrEqual(size * 1.12 + 1)
        expect(padme(padded)).toBe(padded)
      }),
      run,
    )
  })

  it('gives empty files nothing and all others at least 512', () => {
    expect([0, 1, 512, 513].map(paddedSize)).toEqual([0, 512, 512, 544])
  })
})

describe('layouts', () => {
  it('split every size into parts that cover blob and plaintext without gap', () => {
    fc.assert(
      fc.property(fc.nat(200_000_000), (size) => {
        const layout = contentLayout(size)
        let stored = 0
        let plain = 0
        let padded = 0
        for (let index = 0; index < layout.partCount; index++) {
          const blob = partBlobRange(layout, index)
          const text = partPlaintextRange(layout, index)
          expect(blob.offset).toBe(stored)
          expect(text.offset).toBe(plain)
          expect(blob.length).toBe(
            text.paddedLength + 32 * Math.max(1, Math.ceil(text.paddedLength / SEGMENT_PLAINTEXT)),
          )
          if (index < layout.partCount - 1) expect(text.paddedLength % SEGMENT_PLAINTEXT).toBe(0)
          stored += blob.length
          plain += text.length
          padded += text.paddedLength
        }
        expect([stored, plain, padded]).toEqual([layout.blobLength, size, layout.paddedSize])
      }),
      { seed: 7, numRuns: 200 },
    )
  })

  it('are accepted by the check of records, and no neighbour of theirs is', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.constantFrom(-1, 1, 32, SEGMENT_LENGTH), async (size, by) => {
        const layout = contentLayout(size)
        expect(checkLayout(layout)).toEqual(layout)
        expect(await outcome(() => checkLayout({ ...layout, blobLength: layout.blobLength + by }))).toBe('malformed')
        expect(await outcome(() => checkLayout({ ...layout, partSize: layout.partSize + by }))).toBe('malformed')
      }),
      { seed: 7, numRuns: 100 },
    )
  })

  it('store an empty file as one segment of 32 bytes', () => {
    expect(contentLayout(0)).toMatchObject({ paddedSize: 0, segmentCount: 1, blobLength: 32, partCount: 1 })
  })

  it('take the smallest parts that are few enough', () => {
    const limit = MAX_PARTS * MIN_PART_SIZE
    expect(contentLayout(limit * 0.9).partSize).toBe(MIN_PART_SIZE)
    expect(contentLayout(limit).partSize).toBe(2 * MIN_PART_SIZE)
    expect(streamLayout(limit * 0.9).partSize).toBe(MIN_PART_SIZE)
  })

  it('refuse sizes that are too large, negative, broken or not numbers', async () => {
    for (const size of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_BLOB_LENGTH]) {
      expect(await outcome(() => contentLayout(size))).toBe('size_out_of_range')
    }
    expect(await outcome(() => streamLayout(MAX_PARTS * MIN_PART_SIZE))).toBe('size_out_of_range')
    const layout = contentLayout(5)
    for (const index of [-1, 1, 0.5]) {
      expect(await outcome(() => partBlobRange(layout, index))).toBe('size_out_of_range')
      expect(await outcome(() => partPlaintextRange(layout, index))).toBe('size_out_of_range')
    }
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(await outcome(() => checkLayout({ size, blobLength: 32, partSize: MIN_PART_SIZE }))).toBe('malformed')
    }
  })
})
