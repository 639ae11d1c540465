import {
  asBlobId,
  asDek,
  asNodeId,
  asVersionId,
  type BlobId,
  CONTENT_HEADER_LENGTH,
  concat,
  type Dek,
  fromUtf8,
  i64,
  type NodeId,
  readI64,
  readU32,
  readU64,
  SecretBytes,
  u8,
  u16,
  u32,
  u64,
  utf8,
  type VersionId,
} from '@strongroom/crypto'
import { PLAINTEXT_MAC_LENGTH } from '../content/inline.ts'

/** A part that the store has confirmed. */
export interface ConfirmedPart {
  readonly index: number
  readonly etag: string
  readonly sha256: Uint8Array
  /** `plaintextMac` of it. */
  readonly mac: Uint8Array
}

/** A blob under way: everything that its upload needs to go on in another process. */
export interface BegunUpload {
  readonly blobId: BlobId
  /** The holder disposes of it. */
  readonly dek: Dek
  readonly dekTimeMs: number
  readonly header: Uint8Array
  /** True bytes of the source; with it the layout is given. */
  readonly size: number
  /** Key of the parts' macs; random, for this blob only. */
  readonly macKey: Uint8Array
}

/** Ids of what the upload is for, chosen before anything is sent. */
export interface UploadIds {
  readonly nodeId: NodeId
  readonly versionId: VersionId
}

export interface UploadRecord {
  readonly ids: UploadIds
  readonly begun: BegunUpload
  readonly parts: readonly ConfirmedPart[]
}

const VERSION = 2
const KEY_LENGTH = 32
const DIGEST_LENGTH = 32
const ID_LENGTH = 16

/** Plaintext of an upload's journal; it holds keys, so the caller wipes it. */
export function encodeUpload({ ids, begun, parts }: UploadRecord): Uint8Array {
  return begun.dek.use((dek) =>
    concat(
      u8(VERSION),
      ids.nodeId,
      ids.versionId,
      begun.blobId,
      dek,
      i64(begun.dekTimeMs),
      begun.header,
      u64(begun.size),
      begun.macKey,
      u32(parts.length),
      ...parts.flatMap(({ index, etag, sha256, mac }) => {
        const text = utf8(etag)
        return [u32(index), sha256, mac, u16(text.length), text]
      }),
    ),
  )
}

/** Reads a journal and wipes `bytes`; null for another version. @throws Error for anything that was not encoded here */
export function decodeUpload(bytes: Uint8Array): UploadRecord | null {
  let at = 0
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error('a journal ends too early')
    at += length
    return bytes.slice(at - length, at)
  }
  try {
    if (take(1)[0] !== VERSION) return null
    const ids = { nodeId: asNodeId(take(ID_LENGTH)), versionId: asVersionId(take(ID_LENGTH)) }
    const begun = {
      blobId: asBlobId(take(ID_LENGTH)),
      dek: asDek(SecretBytes.take(take(KEY_LENGTH))),
      dekTimeMs: readI64(take(8)),
      header: take(CONTENT_HEADER_LENGTH),
      size: readU64(take(8)),
      macKey: take(KEY_LENGTH),
    }
    const parts: ConfirmedPart[] = []
    for (let left = readU32(take(4)); left > 0; left -= 1) {
      const index = readU32(take(4))
      const sha256 = take(DIGEST_LENGTH)
      const mac = take(PLAINTEXT_MAC_LENGTH)
      const length = take(2)
      parts.push({ index, sha256, mac, etag: fromUtf8(take((length[0] ?? 0) * 256 + (length[1] ?? 0))) })
    }
    if (at !== bytes.length) throw new Error('a journal has more than its parts')
    return { ids, begun, parts }
  } finally {
    bytes.fill(0)
  }
}
