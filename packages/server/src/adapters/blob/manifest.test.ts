import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeManifest, encodeManifest, partFileName } from './manifest.ts'

const part = fc.record({
  etag: fc.constant('x'),
  sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  length: fc.integer({ min: 1, max: 64 * 1024 * 1024 }),
})

describe('manifest', () => {
  it('decodes to the parts that were encoded, one after the other', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 50 }), (parts) => {
        const manifest = decodeManifest(Buffer.from(encodeManifest(parts)))
        expect(manifest.length).toBe(parts.reduce((sum, { length }) => sum + length, 0))
        let offset = 0
        for (const [index, { sha256, length }] of parts.entries()) {
          expect(manifest.parts[index]).toEqual({ name: partFileName(index, sha256), offset, length })
          offset += length
        }
      }),
      { seed: 7, numRuns: 50 },
    )
  })

  it('refuses bytes that were cut, lengthened or are none of its own', () => {
    const bytes = Buffer.from(encodeManifest([{ etag: 'x', sha256: new Uint8Array(32), length: 5 }]))
    for (const damaged of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, bytes]), Buffer.alloc(0)]) {
      expect(() => decodeManifest(damaged)).toThrow(expect.objectContaining({ code: 'damaged' }))
    }
  })
})
