import { asBlobId, type BlobId, concat, readU32, u32, u64 } from '@strongroom/crypto'

/** One thing that a device has seen of a vault, as the server would need it again. */
export type SeenRecord =
  | { readonly kind: 'commit'; readonly bytes: Uint8Array }
  | { readonly kind: 'wrap'; readonly blobId: BlobId; readonly epoch: number; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blobId: BlobId; readonly blobLength: number; readonly digests: Uint8Array }
  | { readonly kind: 'checkpoint'; readonly seq: number; readonly epoch: number; readonly manifest: Uint8Array }

const KINDS = ['commit', 'wrap', 'blob', 'checkpoint'] as const

/** `u8 kind ‖ u32 length ‖ fields`, one after the other. */
export function encodeRecord(record: SeenRecord): Uint8Array {
  const fields = encodeFields(record)
  return concat(Uint8Array.of(KINDS.indexOf(record.kind)), u32(fields.length), fields)
}

function encodeFields(record: SeenRecord): Uint8Array {
  switch (record.kind) {
    case 'commit':
      return record.bytes
    case 'wrap':
      return concat(record.blobId, u32(record.epoch), record.bytes)
    case 'blob':
      return concat(record.blobId, u64(record.blobLength), record.digests)
    case 'checkpoint':
      return concat(u64(record.seq), u32(record.epoch), record.manifest)
  }
}

/** Reads what `encodeRecord` wrote; kinds of newer clients are passed over. @throws RangeError when it is torn */
export function decodeRecords(bytes: Uint8Array): SeenRecord[] {
  const records: SeenRecord[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 5 + readU32(bytes, offset + 1)
    if (end > bytes.length) throw new RangeError('a record is torn')
    const record = decodeFields(KINDS[bytes[offset] ?? KINDS.length], bytes.slice(offset + 5, end))
    if (record !== null) records.push(record)
    offset = end
  }
  return records
}

function decodeFields(kind: (typeof KINDS)[number] | undefined, fields: Uint8Array): SeenRecord | null {
  switch (kind) {
    case undefined:
      return null
    case 'commit':
      return { kind, bytes: fields }
    case 'wrap':
      return { kind, blobId: asBlobId(fields.slice(0, 16)), epoch: readU32(fields, 16), bytes: fields.slice(20) }
    case 'blob':
      return {
        kind,
        blobId: asBlobId(fields.slice(0, 16)),
        blobLength: number64(fields, 16),
        digests: fields.slice(24),
      }
    case 'checkpoint':
      return { kind, seq: number64(fields, 0), epoch: readU32(fields, 8), manifest: fields.slice(12) }
  }
}

function number64(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) * 0x1_0000_0000 + readU32(bytes, offset + 4)
}
