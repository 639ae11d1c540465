import { asBlobId, asNodeId, asVersionId, generateDek } from '@strongroom/crypto'
import { nodeEngine } from '@strongroom/crypto/node'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUpload, encodeUpload, type UploadRecord } from './upload-record.ts'

const engine = nodeEngine()

function record(parts: UploadRecord['parts']): UploadRecord {
  return {
    ids: { nodeId: asNodeId(engine.randomBytes(16)), versionId: asVersionId(engine.randomBytes(16)) },
    begun: {
      blobId: asBlobId(engine.randomBytes(16)),
      dek: generateDek(engine),
      dekTimeMs: -5,
      header: engine.randomBytes(74),
      size: 2 ** 39,
      macKey: engine.randomBytes(32),
    },
    parts,
  }
}

/** A record with its key shown, to compare by. */
function shown({ begun: { dek, ...begun }, ...rest }: UploadRecord) {
  return { ...rest, begun: { ...begun, dek: dek.use((bytes) => [...bytes]) } }
}

describe('journals of uploads', () => {
  it('come back as they were, and wipe what they are read from', () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 })
    const mac = fc.uint8Array({ minLength: 16, maxLength: 16 })
    const part = fc.record({ index: fc.nat(9999), etag: fc.string({ maxLength: 80 }), sha256: digest, mac })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
        const before = record(parts)
        const bytes = encodeUpload(before)
        const after = decodeUpload(bytes)
        if (after === null) throw new Error('not read')
        expect(shown(after)).toEqual(shown(before))
        expect(bytes.every((byte) => byte === 0)).toBe(true)
      }),
      { seed: 3, numRuns: 50 },
    )
  })

  it('of another version are left alone, and cut ones refused', () => {
    const bytes = encodeUpload(record([]))
    expect(() => decodeUpload(bytes.slice(0, -1))).toThrow()
    const other = bytes.slice()
    other[0] = 1
    expect(decodeUpload(other)).toBeNull()
  })
})
