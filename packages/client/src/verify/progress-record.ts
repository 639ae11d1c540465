import { concat, readU32, readU64, u8, u32, u64 } from '@strongroom/crypto'
import type { FindingKind } from './types.ts'

/** How far a run got: what is remembered of it, sealed, until it has ended. */
export interface VerifyRecord {
  /** The newest blob, in the order of ids, up to which everything is done; null at the beginning. */
  last: Uint8Array | null
  /** Parts of the one after it that are done. */
  parts: number
  /** Contents that were as they should be, and their bytes. */
  contents: number
  bytes: number
  readonly found: { readonly blobId: Uint8Array; readonly kind: FindingKind; readonly part: number | null }[]
}

const VERSION = 1
const ID = 16
const KINDS: readonly FindingKind[] = ['missing', 'damaged', 'key', 'unreadable']
const HEAD = 1 + 1 + ID + 4 + 8 + 8 + 4
const ENTRY = ID + 1 + 4
/** A part's index plus one; 0 stands for none. */
const NO_PART = 0

export function emptyRecord(): VerifyRecord {
  return { last: null, parts: 0, contents: 0, bytes: 0, found: [] }
}

export function encodeRecord(record: VerifyRecord): Uint8Array {
  return concat(
    u8(VERSION),
    u8(record.last === null ? 0 : 1),
    record.last ?? new Uint8Array(ID),
    u32(record.parts),
    u64(record.contents),
    u64(record.bytes),
    u32(record.found.length),
    ...record.found.flatMap(({ blobId, kind, part }) => [
      blobId,
      u8(KINDS.indexOf(kind)),
      u32(part === null ? NO_PART : part + 1),
    ]),
  )
}

/** null for another version, or what is no record. */
export function decodeRecord(bytes: Uint8Array): VerifyRecord | null {
  if (bytes.length < HEAD || bytes[0] !== VERSION) return null
  const count = readU32(bytes, HEAD - 4)
  const [contents, size] = [readU64(bytes, ID + 6), readU64(bytes, ID + 14)]
  if (bytes.length !== HEAD + count * ENTRY || contents === null || size === null) return null
  const found: VerifyRecord['found'] = []
  for (let index = 0; index < count; index += 1) {
    const at = HEAD + index * ENTRY
    const kind = KINDS[bytes[at + ID] ?? KINDS.length]
    if (kind === undefined) return null
    const part = readU32(bytes, at + ID + 1)
    found.push({ blobId: bytes.slice(at, at + ID), kind, part: part === NO_PART ? null : part - 1 })
  }
  const last = bytes[1] === 0 ? null : bytes.slice(2, 2 + ID)
  return { last, parts: readU32(bytes, 2 + ID), contents, bytes: size, found }
}
