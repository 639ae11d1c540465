import { BlobStoreError, type StoredPart } from '../../ports/index.ts'

/** One part of a finished object: where it begins, and which file holds it. */
export interface PartFile {
  readonly name: string
  readonly offset: number
  readonly length: number
}

export interface Manifest {
  readonly length: number
  readonly parts: readonly PartFile[]
}

const MAGIC = 0x53524d31
const ENTRY = 4 + 32

/** Name of the file that holds a part, unique to its place and its bytes. */
export function partFileName(index: number, sha256: Uint8Array): string {
  return `${index}-${Buffer.from(sha256).toString('hex')}`
}

/** The list of an object's parts: `"SRM1" ‖ u32 count ‖ (u32 length ‖ SHA-256)…`. */
export function encodeManifest(parts: readonly StoredPart[]): Uint8Array {
  const bytes = Buffer.alloc(8 + parts.length * ENTRY)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt32BE(parts.length, 4)
  parts.forEach(({ length, sha256 }, index) => {
    bytes.writeUInt32BE(length, 8 + index * ENTRY)
    bytes.set(sha256, 12 + index * ENTRY)
  })
  return bytes
}

/** @throws BlobStoreError `damaged` when the bytes are not a whole manifest */
export function decodeManifest(bytes: Buffer): Manifest {
  const count = bytes.length >= 8 && bytes.readUInt32BE(0) === MAGIC ? bytes.readUInt32BE(4) : -1
  if (bytes.length !== 8 + count * ENTRY) throw new BlobStoreError('damaged', 'a manifest in the store is damaged')
  const parts: PartFile[] = []
  let offset = 0
  for (let index = 0; index < count; index += 1) {
    const at = 8 + index * ENTRY
    const length = bytes.readUInt32BE(at)
    parts.push({ name: partFileName(index, bytes.subarray(at + 4, at + ENTRY)), offset, length })
    offset += length
  }
  return { length: offset, parts }
}
